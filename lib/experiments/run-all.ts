import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
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
  const isUnnamed = control.resume !== true && options.out === undefined;
  const root = await rootOf(options, control.resume === true);
  const begun = control.resume ? await optionsOfBegun(root, options) : null;
  const results: RunResults[] = [];
  try {
    for (const name of ORDER) {
      const out = join(root, name);
      onExperiment?.(name, out);
      const resume = control.resume === true && (begun === null || (await holdsRun(out)));
      results.push(await runExperiment(name, { ...(begun ?? options), out }, { ...control, resume }));
    }
  } finally {
    // A refused start leaves nothing behind.
    if (isUnnamed) await rmdir(root).catch(() => {});
  }
  const places = Object.keys(experiments);
  return results.sort((a, b) => places.indexOf(a.experiment) - places.indexOf(b.experiment));
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
