import { resolve } from 'node:path';
import type { z } from 'zod';
import type { DenseNet121 } from '../densenet121.ts';
import type { ExperimentDocs } from '../options/docs.ts';
import type { experimentOptions, RunOptions } from '../options/index.ts';
import { nearestPath } from '../support/nearest-path.ts';
import { packageVersion } from '../support/version.ts';
import { MAY_CHANGE, plainOptions } from '../training/checkpoint.ts';
import { withoutUnused } from '../training/effects.ts';
import { stagesOf } from '../training/recipes.ts';
import { nothingToResume } from './no-run.ts';
import { withOpenRun } from './open-run.ts';
import { experimentName } from './paper.ts';
import { type GivenOptions, type ResolvedRun, resolveRun } from './resolve-run.ts';
import { FORMAT_VERSION, type RunResults, type RunSetup } from './results.ts';
import { finishedResults } from './run-config.ts';
import { definitionOf, type RunDefinition } from './run-definition.ts';
import { holdsRun, makeUnusedDirectory, RunDirectory, requireVacant } from './run-directory.ts';
import type { RunControl, RunEvent } from './run-events.ts';
import { trainInto } from './train-into.ts';

export type ExperimentOptions = z.input<typeof experimentOptions> & ExperimentDocs;

/**
 * Runs one of the paper's experiments and writes its run directory, which is made only when everything has been
 * checked. An aborted or failed run leaves its epochs, its best weights, a checkpoint and a results.json that says why
 * it stopped; then it throws.
 *
 * @throws InputError for wrong options, data or weights, `RUN_LOCKED` or `CHECKPOINT_MISMATCH`; the
 *   signal's reason; what `fit` throws
 */
export async function runExperiment(
  name: string,
  options: ExperimentOptions,
  control: RunControl = {},
): Promise<RunResults> {
  return run(definitionOf(experimentName(name)), options, control);
}

/**
 * The same for any definition: resolves options and directory, opens machine, model and images, trains.
 *
 * @param given only what the caller set: a resumed run keeps its other options
 */
export async function run(
  definition: RunDefinition,
  given: GivenOptions,
  { resume = false, signal = new AbortController().signal, onEvent = () => {} }: RunControl = {},
): Promise<RunResults> {
  const resolved = await resolveRun(definition, given, { resume });
  const { path, earlier, options } = resolved;
  if (earlier) {
    const finished = await finishedResults(path, stagesOf(options));
    if (finished) {
      onEvent({ type: 'finished', directory: path, stoppedBecause: finished.stoppedBecause });
      return finished;
    }
  } else {
    if (resume) await startInstead(path, given, onEvent);
    if (!resolved.isUnnamed) await requireVacant(path);
  }
  return withOpenRun(resolved, { signal, onEvent }, async (opened) => {
    const directory = await openDirectory(resolved, configOf(opened.setup, options, opened.model));
    return trainInto(directory, { ...opened, options, signal, onEvent, resume: earlier !== null });
  });
}

/**
 * Where there is no run to resume: reports that one starts instead.
 *
 * @throws InputError `RUN_INVALID` where no option says which, so that a slip in a directory's name starts nothing
 */
async function startInstead(
  path: string,
  given: GivenOptions,
  onEvent: (event: RunEvent) => void,
): Promise<void> {
  const says = Object.entries(given).some(
    ([name, value]) => value !== undefined && name !== 'out' && !MAY_CHANGE.includes(name),
  );
  if (!says) throw await nothingToResume(path);
  await requireVacant(path);
  const near = await nearestPath(path);
  const meant = near !== undefined && (await holdsRun(near)) ? near : null;
  onEvent({ type: 'afresh', directory: resolve(path), isNew: true, meant });
}

async function openDirectory(
  { path, isUnnamed, earlier }: ResolvedRun,
  config: object,
): Promise<RunDirectory> {
  if (earlier) return RunDirectory.reopen(path, config);
  return RunDirectory.create(isUnnamed ? await makeUnusedDirectory(path) : path, config);
}

/** Everything needed to repeat the run: the options, and what they came to here. */
function configOf(setup: RunSetup, options: RunOptions, model: DenseNet121) {
  const { out: _, ...used } = withoutUnused(options);
  return {
    formatVersion: FORMAT_VERSION,
    ...setup,
    head: model.head,
    options: plainOptions(used),
    versions: { 'torch-tl': packageVersion(), node: process.versions.node, libtorch: setup.libtorch },
  };
}
