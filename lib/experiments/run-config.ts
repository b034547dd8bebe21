import { dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { MAY_CHANGE } from '../checkpoint.ts';
import { InputError } from '../errors.ts';
import { readJsonFile } from '../files.ts';
import type { RunResults } from './results.ts';

/*
 * What a run's config.json and results.json say to a later run: that goes on with it, or repeats it.
 */

/** What config.json says of how to repeat a run; the options are checked like any others. */
export interface RunConfig {
  experiment: string;
  options: Record<string, unknown>;
}

const runConfig = z.object({
  formatVersion: z.literal(1),
  experiment: z.string(),
  options: z.record(z.string(), z.unknown()),
});

/**
 * A run's config.json; null where there is no such file.
 *
 * @throws InputError `FILE_UNREADABLE` or `RUN_INVALID`
 */
export async function readRunConfig(file: string): Promise<RunConfig | null> {
  const content = await readJsonFile(file, 'RUN_INVALID');
  if (content === null) return null;
  const checked = runConfig.safeParse(content);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0] as z.core.$ZodIssue;
  throw new InputError(
    'RUN_INVALID',
    `${resolve(file)} is no run's config.json: '${issue.path.join('.')}': ${issue.message}.`,
  );
}

/**
 * The results of a run that has ended by itself and would not train on if it were given these epochs;
 * null for any other.
 *
 * @throws InputError `FILE_UNREADABLE` or `RUN_INVALID`
 */
export async function finishedResults(directory: string, epochs: number): Promise<RunResults | null> {
  const results = (await readJsonFile(join(directory, 'results.json'), 'RUN_INVALID')) as RunResults | null;
  if (results?.stoppedBecause === 'early-stopping') return results;
  return results?.stoppedBecause === 'epochs' && results.epochs.length >= epochs ? results : null;
}

/**
 * The options of a run that goes on: those it had, and of those now given the ones that may change.
 *
 * @param given only what the caller set
 * @throws InputError `CHECKPOINT_MISMATCH`, naming the first option that must not change
 */
export function optionsToGoOn(
  file: string,
  earlier: RunConfig,
  experiment: string,
  given: Record<string, unknown>,
): Record<string, unknown> {
  requireEqual(file, 'experiment', earlier.experiment, experiment);
  for (const [name, value] of Object.entries(given)) {
    if (name !== 'out' && !MAY_CHANGE.includes(name)) {
      requireEqual(file, name, earlier.options[name], plain(value));
    }
  }
  return { ...earlier.options, ...given };
}

function requireEqual(file: string, name: string, then: unknown, now: unknown): void {
  if (isDeepStrictEqual(then, now)) return;
  const shown = (value: unknown) => (value === undefined ? 'not set' : JSON.stringify(value));
  throw new InputError(
    'CHECKPOINT_MISMATCH',
    `Cannot go on with the run in ${dirname(resolve(file))}: its ${name} was ${shown(then)}, and is now ${shown(now)}. ` +
      'Leave the option out, or start a new run.',
  );
}

function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
