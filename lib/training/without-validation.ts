import type { z } from 'zod';
import { InputError } from '../errors.ts';
import { checkOptions, flagOf, type TrainingOptions } from '../options/index.ts';
import { stagesOf } from './recipes.ts';

/*
 * Trainings that validate nothing. What watches the validation loss by default, early stopping and the schedule plateau,
 * is then off; asking for it is an error.
 */

/** Defaults of a training without validation images. */
const DEFAULTS = { schedule: 'constant', earlyStoppingPatience: 'off' };

/** Options that mean nothing without validation images. */
const NEED_VALIDATION = ['limitValid', 'calibrate', 'monitor'];
const EARLY_STOPPING = ['earlyStoppingPatience', 'earlyStoppingMinDelta'];

/**
 * Checks the options of a training or a run and fills in defaults, which are others if nothing is validated: with
 * `valid: null` or `valid: 'none'`.
 *
 * @throws InputError `INVALID_ARGUMENT`, also for an option that needs validation images where there are none
 */
export function checkTraining<Schema extends z.ZodObject>(schema: Schema, given: unknown): z.output<Schema> {
  const checked = checkOptions(schema, given);
  if (validates(checked)) return checked;
  const set = Object.entries(given as object).filter(([, value]) => value !== undefined);
  const unvalidated = checkOptions(schema, { ...DEFAULTS, ...Object.fromEntries(set) });
  requireNothingWatched(unvalidated as unknown as TrainingOptions);
  return unvalidated;
}

/** The options without those that need validation images, which another training had. */
export function withoutWatching(options: Record<string, unknown>): Record<string, unknown> {
  const watching = [...NEED_VALIDATION, 'plateauFactor', 'plateauPatience', ...EARLY_STOPPING];
  return Object.fromEntries(
    Object.entries(options).filter(
      ([name, value]) => !watching.includes(name) && !(name === 'schedule' && value === 'plateau'),
    ),
  );
}

/** Whether a training validates after each epoch. */
export function validates({ valid }: { valid?: unknown }): boolean {
  return valid !== null && valid !== 'none';
}

function requireNothingWatched(options: TrainingOptions): void {
  for (const name of NEED_VALIDATION) {
    const value = (options as unknown as Record<string, unknown>)[name];
    if (value !== undefined && value !== false) throw needsValidation(name);
  }
  for (const [index, stage] of stagesOf(options).entries()) {
    for (const name of ['schedule', 'earlyStoppingPatience'] as const) {
      const value = stage[name] ?? options[name];
      const watches = name === 'schedule' ? value === 'plateau' : value !== 'off';
      const part = stage[name] === undefined ? undefined : `[${index}].${name}`;
      if (watches) throw needsValidation(part === undefined ? name : 'recipe', part, value);
    }
  }
}

function needsValidation(name: string, part = '', value?: unknown): InputError {
  const said = (shown: string, valid: string) =>
    `${shown}${part}${value === undefined ? '' : ` ${value}`} needs validation images, and ${valid} says that there are none. ` +
    'Leave out one of the two.';
  return new InputError('INVALID_ARGUMENT', said(name, '`valid`'), {
    atCommandLine: said(flagOf(name) ?? name, '--valid none'),
  });
}
