import { rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { z } from 'zod';
import { processesOf } from '../distributed/join.ts';
import { fromFirst, type Processes, together } from '../distributed/processes.ts';
import { checkOptions, runOptions } from '../options/index.ts';
import { plainOptions } from '../training/checkpoint.ts';
import { stagesOf } from '../training/recipes.ts';
import { checkTraining } from '../training/without-validation.ts';
import { directoryToResume } from './resolve-run.ts';
import type { RunResults } from './results.ts';
import { finishedResults, readRunConfig, resumedOptions } from './run-config.ts';
import type { RunDefinition } from './run-definition.ts';
import { defaultRunDirectory, holdsRun, makeUnusedDirectory, requireVacant } from './run-directory.ts';
import type { RunControl, StartControl } from './run-events.ts';

/*
 * Several runs one after the other with the same options, each in a directory of its own below a common one.
 */

type Options = z.input<typeof runOptions>;

/** One of several runs. */
export interface PlannedRun {
  experiment: RunDefinition['name'];
  /** Its directory, relative to the common one. */
  place: string;
  /** Options in which it differs from the others. */
  own?: Pick<Options, 'seed'>;
  start(options: Options, control: StartControl): Promise<RunResults>;
}

export interface SeveralRuns {
  /** Name of the common directory if none is given, before date and time. */
  name: string;
  /** The runs in the order in which they train. */
  planned(root: string, processes: Processes | null): Promise<readonly PlannedRun[]>;
}

export interface SeveralControl extends RunControl {
  /** Called when a run begins, with its directory. */
  onRun?: (run: PlannedRun, directory: string) => void;
}

/**
 * Trains several runs in the common directory `out`. With `resume` finished runs are left as they are, and the others
 * are resumed or started with the options of those that have begun.
 *
 * @returns the results in the order of the runs
 * @throws InputError `OUTPUT_EXISTS`; `INVALID_ARGUMENT` where `out` is missing to resume; what a run's `start` throws,
 *   which leaves the runs before it whole
 */
export async function runSeveral(
  { name, planned }: SeveralRuns,
  options: Options,
  { onRun, ...control }: SeveralControl = {},
): Promise<RunResults[]> {
  const processes = await processesOf(checkOptions(runOptions, options), control.signal);
  return together(processes, `several runs of ${name}`, async () => {
    const isUnnamed = control.resume !== true && options.out === undefined;
    const root = await fromFirst(processes, () => rootOf(name, options, control.resume));
    const runs = await planned(root, processes);
    const begun = await fromFirst(processes, () => optionsOfBegun(root, runs, options, control.resume));
    const isCompared = await fromFirst(processes, () => isAnyLeft(root, runs, begun));
    const results: RunResults[] = [];
    try {
      for (const run of runs) {
        const out = join(root, run.place);
        onRun?.(run, out);
        const resume = await fromFirst(
          processes,
          async () => control.resume === true && (begun === null || (await holdsRun(out))),
        );
        const started = { ...control, resume, isCompared };
        results.push(await run.start({ ...(begun ?? options), ...run.own, out }, started));
      }
    } finally {
      // A refused start leaves nothing behind.
      if (isUnnamed) await removeEmpty(root, runs);
    }
    return results;
  });
}

async function removeEmpty(root: string, runs: readonly PlannedRun[]): Promise<void> {
  const between = runs.map(({ place }) => dirname(join(root, place)));
  for (const directory of new Set([...between, root])) await rmdir(directory).catch(() => {});
}

async function rootOf(name: string, options: Options, resume = false): Promise<string> {
  if (resume) return directoryToResume(options);
  if (options.out === undefined) return makeUnusedDirectory(resolve(defaultRunDirectory(name)));
  await requireVacant(options.out);
  return options.out;
}

/**
 * The options of a run that has begun, for those that have not, with the given ones that may change; null if none has
 * begun, or nothing is resumed.
 *
 * @throws InputError `RUN_INVALID` or `CHECKPOINT_MISMATCH`
 */
async function optionsOfBegun(
  root: string,
  runs: readonly PlannedRun[],
  given: Options,
  resume = false,
): Promise<Options | null> {
  if (!resume) return null;
  for (const { place, experiment, own } of runs) {
    const directory = join(root, place);
    const earlier = await readRunConfig(join(directory, 'config.json'));
    if (!earlier) continue;
    return plainOptions(resumedOptions(directory, earlier, experiment, { ...given, ...own })) as Options;
  }
  return null;
}

/** Whether any run is left to train. If so those that have ended must have had the same images. */
async function isAnyLeft(root: string, runs: readonly PlannedRun[], begun: Options | null): Promise<boolean> {
  if (begun === null) return false;
  for (const { place, own } of runs) {
    const stages = stagesOf(checkTraining(runOptions, { ...begun, ...own }));
    if ((await finishedResults(join(root, place), stages)) === null) return true;
  }
  return false;
}
