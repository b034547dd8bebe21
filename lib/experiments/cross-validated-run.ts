import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import { readJsonFile } from '../formats/json.ts';
import { evaluation } from '../model/evaluate.ts';
import { rowsOf } from '../model/logits.ts';
import { finalOptions } from '../training/folds.ts';
import { epochsOf } from '../training/recipes.ts';
import type { RunFolds, RunResults } from './results.ts';
import type { RunDefinition } from './run-definition.ts';
import { checkpointIn, type RunDirectory, VALIDATION } from './run-directory.ts';
import { describeRunModel } from './run-model.ts';
import { type FoldedRun, foldPath, type TrainedFolds, trainFolds } from './train-folds.ts';
import { type OutOfFold, type PreparedRun, trainAlong, trainInto } from './train-into.ts';
import { knownMaps, type ValidationReport } from './validation.ts';

/**
 * Trains a run with folds: a model for each fold, and then one on all images, which the run keeps.
 *
 * @param directory the run's directory, which is closed at the end; null on ranks other than 0
 * @param dealt the images of each fold, from `dealFolds`
 * @throws what `trainInto` throws
 */
export async function trainCrossValidated(
  directory: RunDirectory | null,
  definition: RunDefinition,
  run: FoldedRun & Pick<PreparedRun, 'model' | 'valid'>,
  dealt: readonly number[][],
): Promise<RunResults> {
  const { model, train, setup, options, onEvent } = run;
  try {
    const augmented = options.augmentation !== 'none';
    onEvent({ type: 'setup', setup, directory: run.path, epochs: epochsOf(options), augmented });
    const requireInPlace = async () => directory?.requireInPlace();
    const trained = await trainFolds({ ...run, requireInPlace }, dealt).catch(async (error: unknown) => {
      // Where the directory has gone its folds are missed too, which would explain nothing.
      if (!run.signal.aborted) await requireInPlace();
      throw error;
    });
    const outOfFold = combined(run, trained);
    const final = finalOptions(options, outOfFold.folds.epochs);
    const described = await describeRunModel(definition, final, model, train.labels);
    const resume = directory !== null && existsSync(directory.checkpoint);
    const last = { ...run, options: final, setup: { ...setup, ...described }, resume, outOfFold };
    onEvent({ type: 'fold', fold: null, folds: dealt.length, train: train.count, valid: 0 });
    if (directory === null) return await trainAlong(last);
    if (!resume) await directory.rewindTo([]);
    const results = await trainInto(directory, last);
    await removeCheckpoints(run.path, dealt.length);
    return results;
  } finally {
    await directory?.close();
  }
}

/** The folds of a finished run are not resumed any more, and their checkpoints are the largest of its files. */
async function removeCheckpoints(path: string, folds: number): Promise<void> {
  for (let fold = 1; fold <= folds; fold++) {
    await rm(dirname(checkpointIn(foldPath(path, fold))), { recursive: true, force: true }).catch(() => {});
  }
}

function combined(run: FoldedRun, { summary, logits }: TrainedFolds): OutOfFold {
  const outOfFold = outOfFoldFigures(run.train, logits);
  const reports = summary.folds.map(({ fold }) => join(foldPath(run.path, fold), VALIDATION));
  const heatMaps = knownMaps(() => Promise.all(reports.map(readReport)));
  const folds = { ...summary, outOfFold };
  return { folds, logits, heatMaps };
}

function outOfFoldFigures(train: Dataset, logits: TrainedFolds['logits']): RunFolds['outOfFold'] {
  const rows = rowsOf(logits);
  const { accuracy, loss, count } = evaluation(rows, Array.from(train.labels, Number), train.classes);
  return { accuracy, loss, count };
}

/** A fold whose report could not be made has no heat maps. */
async function readReport(file: string): Promise<Pick<ValidationReport, 'mistakes'>> {
  const content = await readJsonFile(file, 'RUN_INVALID');
  return (content as ValidationReport | null) ?? { mistakes: [] };
}
