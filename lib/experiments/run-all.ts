import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { processesOf } from '../distributed/join.ts';
import { fromFirst, together } from '../distributed/processes.ts';
import { checkOptions, experimentOptions } from '../options/index.ts';
import { plainOptions } from '../training/checkpoint.ts';
import { type ExperimentName, experiments } from './paper.ts';
import { directoryToResume } from './resolve-run.ts';
import type { RunResults } from './results.ts';
import { readRunConfig, resumedOptions } from './run-config.ts';
import { defaultRunDirectory, holdsRun, makeUnusedDirectory, requireVacant } from './run-directory.ts';
import type { RunControl } from './run-events.ts';
import { type ExperimentOptions, runExperiment } from './run-experiment.ts';

/** The quickest first, so that first results come early. */
const ORDER: readonly ExperimentName[] = ['finetune', 'base', 'base-optimized'];

export interface RunAllControl extends RunControl {
  /** Called when an experiment begins, with its directory. */
  onExperiment?: (name: ExperimentName, directory: string) => void;
}

/**
 * Runs the paper's three experiments one after another with the same options, each in a directory of its own in
 * `out`. With `resume` finished experiments are left as they are, and the others are resumed.
 *
 * @throws InputError `OUTPUT_EXISTS`; `INVALID_ARGUMENT` where `out` is missing to resume; what `runExperiment` throws,
 *   which leaves the runs before it whole
 */
export async function runAll(
  options: ExperimentOptions = {},
  { onExperiment, ...control }: RunAllControl = {},
): Promise<RunResults[]> {
  const processes = await processesOf(checkOptions(experimentOptions, options), control.signal);
  return together(processes, 'run all', async () => {
    const isUnnamed = control.resume !== true && options.out === undefined;
    const { root, begun } = await fromFirst(processes, () => directoryAndOptions(options, control.resume));
    const results: RunResults[] = [];
    try {
      for (const name of ORDER) {
        const out = join(root, name);
        onExperiment?.(name, out);
        const resume = await fromFirst(
          processes,
          async () => control.resume === true && (begun === null || (await holdsRun(out))),
        );
        results.push(await runExperiment(name, { ...(begun ?? options), out }, { ...control, resume }));
      }
    } finally {
      // A refused start leaves nothing behind.
      if (isUnnamed) await rmdir(root).catch(() => {});
    }
    const places = Object.keys(experiments);
    return results.sort((a, b) => places.indexOf(a.experiment) - places.indexOf(b.experiment));
  });
}

/** The directory of all runs, and the options of those that have begun. */
async function directoryAndOptions(options: ExperimentOptions, resume = false) {
  const root = await rootOf(options, resume);
  const begun = resume ? await optionsOfBegun(root, options) : null;
  return { root, begun: begun && (plainOptions({ ...begun }) as ExperimentOptions) };
}

async function rootOf(options: ExperimentOptions, resume: boolean): Promise<string> {
  if (resume) return directoryToResume(options);
  if (options.out === undefined) return makeUnusedDirectory(defaultRunDirectory('all'));
  await requireVacant(options.out);
  return options.out;
}

/**
 * The options of an experiment that has begun, for those that have not, with the given ones that may change; null if
 * none has begun.
 *
 * @throws InputError `RUN_INVALID` or `CHECKPOINT_MISMATCH`
 */
async function optionsOfBegun(root: string, given: ExperimentOptions): Promise<ExperimentOptions | null> {
  for (const name of ORDER) {
    const directory = join(root, name);
    const earlier = await readRunConfig(join(directory, 'config.json'));
    if (earlier) return resumedOptions(directory, earlier, name, { ...given });
  }
  return null;
}
