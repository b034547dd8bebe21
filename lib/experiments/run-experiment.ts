import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { processesOf } from '../distributed/join.ts';
import { fromFirst, together } from '../distributed/processes.ts';
import { InputError } from '../errors.ts';
import { removeTemporaries } from '../files/atomic-file.ts';
import type { ExperimentDocs } from '../options/docs.ts';
import { checkOptions, type experimentOptions, type RunOptions, runOptions } from '../options/index.ts';
import { nearestPath } from '../support/nearest-path.ts';
import { MAY_CHANGE } from '../training/checkpoint.ts';
import { stagesOf } from '../training/recipes.ts';
import { trainCrossValidated } from './cross-validated-run.ts';
import type { Manifest } from './manifest.ts';
import { nothingToResume } from './no-run.ts';
import { withOpenRun } from './open-run.ts';
import { experimentName } from './paper.ts';
import { recordedConfig } from './recorded-config.ts';
import { type GivenOptions, type ResolvedRun, resolveTogether } from './resolve-run.ts';
import type { RunResults } from './results.ts';
import { endedResults, finishedResults, withAbsolutePaths } from './run-config.ts';
import { definitionOf, type RunDefinition } from './run-definition.ts';
import { checkpointIn, holdsRun, makeUnusedDirectory, RunDirectory, requireVacant } from './run-directory.ts';
import { type RunControl, type RunEvent, runControl, type StartControl } from './run-events.ts';
import { RunTracker } from './run-status.ts';
import { requireSameImagesNow } from './same-images.ts';
import { dealFolds } from './train-folds.ts';
import { trainAlong, trainInto } from './train-into.ts';

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
  return run(definitionOf(experimentName(name)), options, checkOptions(runControl, control));
}

/**
 * The same for any definition: resolves options and directory, opens machine, model and images, trains. With several
 * processes rank 0 writes the run; the others return the same results without files.
 *
 * @param asked only what the caller set: a resumed run keeps its other options
 */
export async function run(
  definition: RunDefinition,
  asked: GivenOptions,
  {
    resume = false,
    signal = new AbortController().signal,
    onEvent: tell = () => {},
    isCompared = false,
  }: StartControl = {},
): Promise<RunResults> {
  const tracker = new RunTracker();
  const onEvent = (event: RunEvent) => {
    tracker.hear(event);
    tell(event);
  };
  const checked = checkOptions(runOptions, asked);
  const given = withAbsolutePaths(asked);
  const processes = await processesOf(checked, signal);
  return together(processes, `the run ${definition.name}`, async () => {
    const resolved = await resolveTogether(processes, definition, given, { resume });
    requireWhole(resolved.options);
    const finished = await fromFirst(processes, () => begin(resolved, given, { resume, onEvent }));
    const { path, options, earlier, isMoved } = resolved;
    if (finished) {
      if (isCompared || isMoved)
        await requireSameImagesNow(resolved, finished.dataset?.manifest, { signal, onEvent });
      if (processes?.isFirst !== false) onEvent(finishedEvent(path, finished, options));
      return finished;
    }
    return withOpenRun(resolved, processes, { signal, onEvent }, async (opened) => {
      const { folds, seed } = options;
      const dealt = folds === undefined ? null : await dealFolds(opened.train, { folds, seed }, signal);
      const prepared = { ...opened, options, signal, onEvent, resume: earlier !== null };
      // Rank 0 alone writes.
      const writes = processes?.isFirst !== false;
      const config = recordedConfig(opened.setup, options, opened.model);
      const directory = writes ? await openDirectory(resolved, config, opened.manifest) : null;
      directory?.showProgress(tracker);
      if (dealt !== null) {
        const path = await fromFirst(processes, () => (directory as RunDirectory).path);
        return trainCrossValidated(directory, definition, { ...prepared, path, processes }, dealt);
      }
      return directory === null ? trainAlong(prepared) : trainInto(directory, prepared);
    });
  });
}

/** @throws InputError `INVALID_ARGUMENT` for the options of a fold, which is trained as a part of its run alone */
function requireWhole({ fold }: RunOptions): void {
  if (fold === undefined) return;
  throw new InputError(
    'INVALID_ARGUMENT',
    `These are the options of fold ${fold} of a cross-validation, which is trained as a part of it. Use the directory ` +
      'of the whole run, two levels up.',
  );
}

function finishedEvent(path: string, { stoppedBecause }: RunResults, options: RunOptions): RunEvent {
  // The folds' epochs decide how long the last training is; a list of stages has epochs of its own.
  const isFixed = options.folds !== undefined || Array.isArray(options.recipe);
  return {
    type: 'finished',
    directory: path,
    stoppedBecause,
    mayGoOn: stoppedBecause === 'epochs' && !isFixed,
  };
}

/** Checks the directory. Returns the results of a run that has nothing left to train, else null. */
async function begin(
  { path, isUnnamed, earlier, options }: ResolvedRun,
  given: GivenOptions,
  { resume, onEvent }: { resume: boolean; onEvent: (event: RunEvent) => void },
): Promise<RunResults | null> {
  if (earlier) {
    const finished = await finishedResults(path, stagesOf(options));
    if (finished) {
      // The process that wrote its report may have been killed.
      await removeTemporaries(path);
    } else await requireCheckpoint(path);
    return finished;
  }
  if (resume) await startInstead(path, given, onEvent);
  if (!isUnnamed) await requireVacant(path);
  return null;
}

/**
 * A run that was stopped before its first checkpoint begins anew; one that has ended would lose its results by that.
 *
 * @throws InputError `CHECKPOINT_INVALID`
 */
async function requireCheckpoint(path: string): Promise<void> {
  const checkpoint = checkpointIn(path);
  if (existsSync(checkpoint) || (await endedResults(path)) === null) return;
  throw new InputError(
    'CHECKPOINT_INVALID',
    `The run in ${resolve(path)} has ended, and its checkpoint ${checkpoint} is missing, so it cannot be resumed. Give ` +
      'another directory, or put the file back.',
  );
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
  manifest: Manifest,
): Promise<RunDirectory> {
  if (earlier) return RunDirectory.reopen(path, config, manifest);
  return RunDirectory.create(isUnnamed ? await makeUnusedDirectory(path) : path, config, manifest);
}
