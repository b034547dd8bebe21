import { join, resolve } from 'node:path';
import type { z } from 'zod';
import type { Fact } from '../distributed/agreement.ts';
import type { Processes } from '../distributed/processes.ts';
import { InputError } from '../errors.ts';
import { checkOptions, flagOf, type RunOptions, runOptions } from '../options/index.ts';
import { isSameValue } from '../support/names.ts';
import { plainOptions } from '../training/checkpoint.ts';
import { requireUsed } from '../training/effects.ts';
import { optionFacts } from '../training/facts.ts';
import { checkTraining } from '../training/without-validation.ts';
import { type RunConfig, readRunConfig, resumedOptions, withAbsolutePaths } from './run-config.ts';
import { OWN_IMAGES, type RunDefinition } from './run-definition.ts';
import { defaultRunDirectory } from './run-directory.ts';

/*
 * The first part of a run: from what the caller set to a directory and checked options. It reads config.json and changes
 * nothing.
 */

/** The options of a run as a caller sets them. */
export type GivenOptions = z.input<typeof runOptions>;

export interface ResolvedRun {
  definition: RunDefinition;
  /** The run directory. */
  path: string;
  /** Whether the caller named no directory, so that `path` may become another one. */
  isUnnamed: boolean;
  /** The config.json of the run to resume; null for a new run. */
  earlier: RunConfig | null;
  /** Whether the images of the run to resume are at another place now; see `requireSameImages`. */
  isMoved: boolean;
  /** Checked, with defaults filled in. */
  options: RunOptions;
}

/** Options that each process of a job sets for itself: where it computes, and where its files are. */
const OWN = ['data', 'weights', 'device', 'threads', 'kernels', 'imageCache', 'featureCache'];

/**
 * `resolveRun` for all processes of a job: what rank 0 finds in its files holds for all.
 *
 * @throws what `resolveRun` throws; InputError `RANKS_DISAGREE` if the processes were given different options
 */
export async function resolveTogether(
  processes: Processes | null,
  definition: RunDefinition,
  given: GivenOptions,
  { resume }: { resume: boolean },
): Promise<ResolvedRun> {
  if (processes === null) return resolveRun(definition, given, { resume });
  await processes.agree(factsOf(given, resume));
  const own = processes.isFirst ? await resolveRun(definition, given, { resume }) : null;
  const { options, ...found } = await processes.fromFirst(() => {
    const { definition: _, options, ...rest } = own as ResolvedRun;
    return { ...rest, options: plainOptions(options) };
  });
  if (own) return own;
  const ownOptions = Object.fromEntries(Object.entries(given).filter(([name]) => OWN.includes(name)));
  const checked = checkOptions(runOptions, { ...options, ...ownOptions });
  return { definition, ...found, options: withAbsolutePaths(checked) };
}

function factsOf(given: GivenOptions, resume: boolean): Fact[] {
  const checked = checkOptions(runOptions, given);
  const told = Object.fromEntries(Object.entries(checked).filter(([name]) => name in given));
  return [{ name: 'resume', flag: '--resume', value: resume }, ...optionFacts(told, ['out', ...OWN])];
}

/**
 * Directory and options of a run.
 *
 * @param given only what the caller set: a resumed run keeps its other options
 * @throws InputError `INVALID_ARGUMENT`, `FILE_UNREADABLE`, `RUN_INVALID` or `CHECKPOINT_MISMATCH`
 */
export async function resolveRun(
  definition: RunDefinition,
  given: GivenOptions,
  { resume }: { resume: boolean },
): Promise<ResolvedRun> {
  const path = resume ? directoryToResume(given) : resolve(given.out ?? defaultRunDirectory(definition.name));
  const earlier = resume ? await readRunConfig(join(path, 'config.json')) : null;
  const asked = earlier ? resumedOptions(path, earlier, definition.name, given) : given;
  const options = withAbsolutePaths(checkTraining(runOptions, asked));
  requireConsistent(options);
  // Otherwise the run would take the paper's images.
  if (definition === OWN_IMAGES && asked.data === undefined) throw noImages();
  requireUsed(given, options);
  return {
    definition,
    path,
    isUnnamed: !resume && given.out === undefined,
    earlier,
    isMoved: earlier !== null && !isSameValue(earlier.options.data, options.data),
    options,
  };
}

/** @throws InputError `INVALID_ARGUMENT` where it is missing */
export function directoryToResume({ out }: GivenOptions): string {
  if (out !== undefined) return out;
  throw new InputError('INVALID_ARGUMENT', '`resume` needs `out`, the directory of the run to resume.', {
    atCommandLine: '--resume needs the directory of the run: --resume --out DIR.',
  });
}

/** The error for a training of the user's own images that names none. */
export function noImages(): InputError {
  const said = (option: string) => `Say which images to train with: ${option}.`;
  return new InputError('INVALID_ARGUMENT', said('`data`, a directory or a list'), {
    atCommandLine: said('--data DIR'),
  });
}

/** @throws InputError `INVALID_ARGUMENT` for weights of a random start, and for options that folds have no use for */
export function requireConsistent({ init, weights, folds, valid, limitValid }: RunOptions): void {
  if (folds !== undefined && valid === 'none') throw besideFolds('valid', 'none');
  if (folds !== undefined && limitValid !== undefined) throw besideFolds('limitValid', limitValid);
  if (init !== 'random' || weights === undefined) return;
  throw new InputError(
    'INVALID_ARGUMENT',
    `Random initialisation uses no weights, but '${weights}' was given; leave out one of the two.`,
  );
}

/** The error for an option beside folds, which decide themselves what is validated. */
function besideFolds(name: string, value: unknown): InputError {
  const said = (one: string, other: string) =>
    `${one} validates on every image once, so ${other} ${value} would have no effect. Leave out one of the two.`;
  return new InputError('INVALID_ARGUMENT', said('folds', name), {
    atCommandLine: said('--folds', flagOf(name) ?? name),
  });
}
