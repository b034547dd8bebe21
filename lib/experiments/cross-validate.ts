import { join } from 'node:path';
import type { z } from 'zod';
import type { Dataset } from '../data/dataset.ts';
import { DenseNet121 } from '../densenet121.ts';
import { InputError } from '../errors.ts';
import { requireDataset } from '../model/data-checks.ts';
import { type Evaluation, evaluation } from '../model/evaluate.ts';
import type { FeatureMatrix } from '../model/extraction.ts';
import { rowsOf } from '../model/logits.ts';
import type { CrossValidateDocs } from '../options/docs.ts';
import { callback, checkOptions, folds, path, trainingOptions } from '../options/index.ts';
import { createOptions } from '../options/model.ts';
import { readCheckpoint } from '../training/checkpoint.ts';
import { requireCheckpointPlace, requireUsed, withoutUnused } from '../training/effects.ts';
import { fitOptions } from '../training/fit.ts';
import {
  type FoldOutcome,
  type FoldsSummary,
  finalOptions,
  foldsSummary,
  outcomeOf,
} from '../training/folds.ts';
import { dealFolds, withFold } from './train-folds.ts';

export const crossValidateOptions = fitOptions
  .omit({ valid: true, checkpoint: true, resume: true, onResume: true, onBest: true })
  .extend({
    folds: folds().default(5).describe('number of folds'),
    ...createOptions.pick({ weights: true, imageSize: true, device: true }).shape,
    head: createOptions.shape.head
      .default(() => createOptions.shape.head.parse('linear'))
      .describe('layers after the backbone: linear, base, base-optimized, finetune, or a list of layers'),
    checkpoints: path('a directory')
      .optional()
      .describe(
        'directory for a checkpoint of each training; a later call with the same options resumes from them',
      ),
    onFold: callback<(fold: FoldOutcome) => void>().describe('called after the training of each fold'),
  });

export type CrossValidateOptions = z.input<typeof crossValidateOptions> & CrossValidateDocs;

/** Result of a cross-validation. */
export interface CrossValidation extends FoldsSummary {
  /** Metrics over all images, each judged by the model that has not seen it. */
  evaluation: Evaluation;
  /** Logits of each image by the model that has not seen it: float32 `[count, classes]`, in the order of the data. */
  logits: FeatureMatrix;
  /** A model that was trained on all images for `epochs` epochs. The caller disposes of it. */
  model: DenseNet121;
}

/**
 * Cross-validates a training: trains a new model for each fold on the images of the other folds, and then one on all
 * images for the median number of the folds' best epochs. Folds are stratified; images of one group and exact twins are
 * in one fold. Features of frozen layers are computed once for all trainings.
 *
 * @throws InputError `INVALID_ARGUMENT`, also if a class has fewer images than there are folds; `CHECKPOINT_MISMATCH` for
 *   other `epochs` than those of the checkpoints; what `DenseNet121.create` and `fit` throw
 */
export async function crossValidate(
  data: Dataset,
  options: CrossValidateOptions = {},
): Promise<CrossValidation> {
  requireDataset('data', data);
  const checked = checkOptions(crossValidateOptions, options);
  requireUsed(options, checked);
  requireCheckpointPlace('checkpoints', options, checked);
  const images = data.share();
  try {
    return await validateFolds(images, checked);
  } finally {
    images.dispose();
  }
}

type Checked = z.output<typeof crossValidateOptions>;

async function validateFolds(data: Dataset, options: Checked): Promise<CrossValidation> {
  const dealt = await dealFolds(data, options, options.signal);
  const logits = new Float32Array(data.count * data.classes.length);
  const outcomes: FoldOutcome[] = [];
  for (const [index, images] of dealt.entries()) {
    const { outcome, rows } = await trainFold(data, options, { fold: index + 1, images });
    for (const [place, image] of images.entries()) {
      logits.set(rows[place] as Float32Array, image * data.classes.length);
    }
    outcomes.push(outcome);
    options.onFold?.(outcome);
  }
  const summary = foldsSummary(outcomes);
  const matrix = { shape: [data.count, data.classes.length], data: logits };
  const labels = Array.from(data.labels, Number);
  return {
    ...summary,
    evaluation: evaluation(rowsOf(matrix), labels, data.classes),
    logits: matrix,
    model: await trainOnAll(data, options, summary.epochs),
  };
}

async function trainFold(
  data: Dataset,
  options: Checked,
  { fold, images }: { fold: number; images: readonly number[] },
): Promise<{ outcome: FoldOutcome; rows: Float32Array[] }> {
  return withFold(data, images, async (sets) => {
    const model = await createModel(data, options);
    try {
      const training = trainingOf(options, `fold-${fold}`);
      await requireSameEpochs(training);
      const result = await model.fit(sets.train, { ...training, valid: sets.valid }).result;
      return { outcome: outcomeOf(fold, sets, result), rows: rowsOf(result.bestLogits as FeatureMatrix) };
    } finally {
      model.dispose();
    }
  });
}

async function trainOnAll(data: Dataset, options: Checked, epochs: number): Promise<DenseNet121> {
  const model = await createModel(data, options);
  try {
    const training = trainingOf(finalOptions(options, epochs), 'all');
    await model.fit(data, { ...training, valid: null }).result;
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function createModel(data: Dataset, { weights, head, imageSize, device, seed, signal }: Checked) {
  const { classes, resize } = data;
  const shape = { weights, head, imageSize, classes, resize: resize ?? ('cover' as const) };
  return DenseNet121.create({ ...shape, device, seed, signal });
}

/**
 * Epochs may change where one training goes on; here they decide which are the folds' best, and so how long the model of
 * all images is trained.
 *
 * @throws InputError `CHECKPOINT_MISMATCH`; what `readCheckpoint` throws
 */
async function requireSameEpochs({
  checkpoint,
  epochs,
  signal,
}: ReturnType<typeof trainingOf>): Promise<void> {
  const stored = checkpoint === undefined ? null : await readCheckpoint(checkpoint, signal);
  const before = stored?.options.epochs;
  if (stored === null || before === epochs) return;
  throw new InputError(
    'CHECKPOINT_MISMATCH',
    `Cannot resume from ${checkpoint}: epochs was ${before} and is now ${epochs}. Use the same, or another directory for ` +
      '`checkpoints`.',
  );
}

/** The options of one training, which resumes from its checkpoint if there is one. */
function trainingOf(options: Checked, name: string) {
  const { checkpoints, signal, onWarning, onStage, onCache, onFeatures, onBatch } = options;
  const { checkpointMinutes, ...training } = withoutUnused(trainingOptions.strip().parse(options));
  const kept =
    checkpoints === undefined
      ? { checkpoint: undefined }
      : { checkpoint: join(checkpoints, `${name}.safetensors`), resume: true, checkpointMinutes };
  return { ...training, ...kept, signal, onWarning, onStage, onCache, onFeatures, onBatch };
}
