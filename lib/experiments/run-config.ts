import { join, resolve } from 'node:path';
import { z } from 'zod';
import { DATA_NAMES } from '../data/source.ts';
import type { Precision } from '../engine/native-computation.ts';
import { InputError } from '../errors.ts';
import { readJsonFile } from '../formats/json.ts';
import { listOf } from '../options/file-lists.ts';
import { fileProblem } from '../options/file-problem.ts';
import { flagOf, runOptions, type Stage } from '../options/index.ts';
import { isSameValue } from '../support/names.ts';
import { MAY_CHANGE, plainOptions } from '../training/checkpoint.ts';
import { unusedNames } from '../training/effects.ts';
import { checkTraining } from '../training/without-validation.ts';
import { CATALOGUE } from '../weights/catalogue.ts';
import type { RunResults } from './results.ts';

/*
 * Reads a run's config.json and results.json for a later run, which resumes or repeats it.
 */

/** The part of config.json that is needed to repeat a run; the options are checked like any others. */
export interface RunConfig {
  experiment: string;
  options: Record<string, unknown>;
  /** The precision that `auto` chose. */
  precision?: Precision | undefined;
  weights?: { sha256: string | null } | undefined;
  started?: string | undefined;
  dataset?: { manifest?: { sha256: string } | null | undefined } | undefined;
}

/** Largest length of a run's options as JSON. A wrong value takes hundreds of times its size in errors. */
const LONGEST_OPTIONS = 1 << 19;

/** The part of what a run records of its images that is used here; runs of earlier versions have no manifest. */
const dataset = z.object({ manifest: z.object({ sha256: z.string() }).nullish() }).optional();

const runConfig = z.object({
  formatVersion: z.literal(1),
  experiment: z.string(),
  options: z
    .record(z.string(), z.unknown())
    .refine((options) => JSON.stringify(options).length <= LONGEST_OPTIONS, { error: 'are too long' }),
  precision: z.enum(['fp32', 'bf16']).optional(),
  weights: z.object({ sha256: z.string().nullable() }).optional(),
  started: z.iso.datetime().optional(),
  dataset,
});

/** The part of results.json that is used here; reports check all of it. */
const resultsFile = z.object({
  stoppedBecause: z.string(),
  epochs: listOf(z.object({ stage: z.number() })),
  folds: z.object({ epochs: z.number() }).optional(),
  dataset,
});

/**
 * A run's config.json; null if there is no such file.
 *
 * @throws InputError `FILE_UNREADABLE` or `RUN_INVALID`
 */
export async function readRunConfig(file: string): Promise<RunConfig | null> {
  const content = await readJsonFile(file, 'RUN_INVALID');
  if (content === null) return null;
  const checked = runConfig.safeParse(content);
  if (checked.success) return checked.data;
  const problem = fileProblem(checked.error);
  throw new InputError('RUN_INVALID', `${resolve(file)} is not a run's config.json: ${problem}.`);
}

/**
 * The results of a run that has ended by itself, though it may have more to train now; null for any other run.
 *
 * @throws InputError `FILE_UNREADABLE` or `RUN_INVALID`
 */
export async function endedResults(directory: string): Promise<RunResults | null> {
  const file = join(directory, 'results.json');
  const content = await readJsonFile(file, 'RUN_INVALID');
  if (content !== null && !resultsFile.safeParse(content).success) {
    throw new InputError(
      'RUN_INVALID',
      `${resolve(file)} is not a run's results.json: it has no list of epochs.`,
    );
  }
  const results = content as RunResults | null;
  return results && ['epochs', 'early-stopping'].includes(results.stoppedBecause) ? results : null;
}

/**
 * The results of a run that has ended by itself and has nothing left to train in these stages; null for any other
 * run.
 *
 * @throws InputError `FILE_UNREADABLE` or `RUN_INVALID`
 */
export async function finishedResults(
  directory: string,
  stages: readonly Stage[],
): Promise<RunResults | null> {
  const results = await endedResults(directory);
  if (results === null || results.stoppedBecause === 'early-stopping' || results.folds) return results;
  // Stages before the last may have stopped early.
  const inLast = results.epochs.filter(({ stage }) => stage === stages.length).length;
  return inLast >= (stages.at(-1)?.epochs ?? 0) ? results : null;
}

/** The options with absolute paths, so that they name the same files from any working directory. */
export function withAbsolutePaths<Options extends z.input<typeof runOptions>>(options: Options): Options {
  const { data, weights, featureCache, imageCache, out } = options;
  const absolute: z.input<typeof runOptions> = {};
  if (data !== undefined && !DATA_NAMES.includes(data)) absolute.data = resolve(data);
  if (weights !== undefined && !CATALOGUE.some(({ name }) => name === weights)) {
    absolute.weights = resolve(weights);
  }
  if (typeof featureCache === 'string') absolute.featureCache = resolve(featureCache);
  if (typeof imageCache === 'string') absolute.imageCache = resolve(imageCache);
  if (out !== undefined) absolute.out = resolve(out);
  return { ...options, ...absolute };
}

/**
 * The options of a resumed run: those it had, and of the given ones those that may change. `data` may, if the run
 * has recorded its images: those are compared themselves.
 *
 * @param directory the run directory
 * @param given only what the caller set
 * @throws InputError `CHECKPOINT_MISMATCH`, naming the first option that must not change
 */
export function resumedOptions(
  directory: string,
  earlier: RunConfig,
  experiment: string,
  given: Record<string, unknown>,
): Record<string, unknown> {
  requireEqual(directory, 'experiment', earlier.experiment, experiment);
  for (const [name, value] of Object.entries(plainOptions(withAbsolutePaths(given)))) {
    // With folds the number of epochs decides which epochs are the best, and so how long the last training is.
    const isFixed = name === 'epochs' && earlier.options.folds !== undefined;
    if (name === 'out' || (MAY_CHANGE.includes(name) && !isFixed)) continue;
    if (name === 'data' && earlier.dataset?.manifest) continue;
    requireEqual(directory, name, earlier.options[name], value, flagOf(name));
  }
  return { ...withoutUnusedOf(earlier), ...given };
}

/** A run's options without those that have no effect; earlier versions recorded these too. */
export function withoutUnusedOf({ options }: Pick<RunConfig, 'options'>): Record<string, unknown> {
  const unused = unusedNames(checkTraining(runOptions, options));
  return Object.fromEntries(Object.entries(options).filter(([name]) => !unused.includes(name)));
}

/**
 * Makes sure that a resumed run starts from the same weights, which its results name.
 *
 * @throws InputError `CHECKPOINT_MISMATCH`
 */
export function requireSameWeights(directory: string, { weights }: RunConfig, sha256: string | null): void {
  if (weights) requireEqual(directory, "weights' SHA-256", weights.sha256, sha256);
}

function requireEqual(directory: string, what: string, then: unknown, now: unknown, flag = what): void {
  if (isSameValue(then, now)) return;
  const shown = (value: unknown) => (value === undefined ? 'not set' : JSON.stringify(value));
  const said = (name: string) =>
    `Cannot resume the run in ${resolve(directory)}: its ${name} was ${shown(then)} and is now ${shown(now)}. ` +
    'Leave it as it was, or start a new run.';
  throw new InputError('CHECKPOINT_MISMATCH', said(what), { atCommandLine: said(flag) });
}
