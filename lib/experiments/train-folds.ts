import { join } from 'node:path';
import { classCounts } from '../data/class-counts.ts';
import type { Dataset } from '../data/dataset.ts';
import { foldsOf } from '../data/folds.ts';
import type { DenseNet121 } from '../densenet121.ts';
import { fromFirst, type Processes } from '../distributed/processes.ts';
import type { HostTensor } from '../engine/native-computation.ts';
import { InputError } from '../errors.ts';
import type { FeatureMatrix } from '../model/extraction.ts';
import { readCheckpoint } from '../training/checkpoint.ts';
import { type FoldOutcome, type FoldsSummary, foldsSummary, outcomeOf } from '../training/folds.ts';
import { stagesOf } from '../training/recipes.ts';
import { type Manifest, type ManifestRecord, manifestOf } from './manifest.ts';
import { recordedConfig } from './recorded-config.ts';
import type { RunResults, RunSetup } from './results.ts';
import { finishedResults } from './run-config.ts';
import { checkpointIn, holdsRun, RunDirectory } from './run-directory.ts';
import { requireSameImages } from './same-images.ts';
import { type PreparedRun, trainAlong, trainInto } from './train-into.ts';

/*
 * Cross-validation of a run: a training for each fold, in a run directory of its own, which can be resumed.
 */

/** A run whose images are all training images so far. */
export interface FoldedRun extends Omit<PreparedRun, 'model' | 'valid' | 'resume'> {
  /** The run's directory; the folds' directories are in it. */
  path: string;
  /** Makes a model as it is before a training. */
  createModel(): Promise<DenseNet121>;
  processes: Processes | null;
}

/** Of a run whose folds are to be made in its directory, and in no other one that has taken its place. */
interface InPlace {
  /** @throws TorchTlError `WRITE_FAILED` */
  requireInPlace(): Promise<void>;
}

/** What the folds' trainings came to. */
export interface TrainedFolds {
  summary: FoldsSummary;
  /** Logits of each image by the model that has not seen it, float32 `[count, classes]`. */
  logits: FeatureMatrix;
}

/** The images of one fold, counted from 1, of so many. */
interface FoldImages {
  train: Dataset;
  valid: Dataset;
  fold: number;
  folds: number;
}

/**
 * The images of each fold, as indices into the run's images. Images of one group and exact twins are in one fold.
 *
 * @throws InputError `INVALID_ARGUMENT` if a class has too few images for so many folds
 */
export async function dealFolds(
  train: Dataset,
  { folds, seed }: { folds: number; seed: number },
  signal?: AbortSignal,
): Promise<number[][]> {
  const foldOf = foldsOf(train.labels, await train.units(signal), { folds, seed, classes: train.classes });
  const places = [...foldOf.keys()];
  return Array.from({ length: folds }, (_, fold) => places.filter((image) => foldOf[image] === fold));
}

/** Has `work` go on with the images to train on and to validate on for a fold, which are freed when it has ended. */
export async function withFold<Result>(
  data: Dataset,
  images: readonly number[],
  work: (sets: { train: Dataset; valid: Dataset }) => Promise<Result>,
): Promise<Result> {
  const held = new Set(images);
  const train = data.subset([...data.labels.keys()].filter((image) => !held.has(image)));
  const valid = data.subset(images);
  try {
    return await work({ train, valid });
  } finally {
    train.dispose();
    valid.dispose();
  }
}

/**
 * Trains a model for each fold, one after the other. Finished folds are left as they are, and others resumed.
 *
 * @param dealt the images of each fold, from `dealFolds`
 * @throws what `trainInto` throws
 */
export async function trainFolds(
  run: FoldedRun & InPlace,
  dealt: readonly number[][],
): Promise<TrainedFolds> {
  const outcomes: FoldOutcome[] = [];
  for (const [index, images] of dealt.entries()) {
    outcomes.push(await trainFold(run, dealt, { fold: index + 1, images }));
  }
  return { summary: foldsSummary(outcomes), logits: await sharedLogits(run, dealt) };
}

async function trainFold(
  run: FoldedRun & InPlace,
  dealt: readonly number[][],
  { fold, images }: { fold: number; images: readonly number[] },
): Promise<FoldOutcome> {
  return withFold(run.train, images, async ({ train, valid }) => {
    run.onEvent({ type: 'fold', fold, folds: dealt.length, train: train.count, valid: valid.count });
    const path = foldPath(run.path, fold);
    const options = { ...run.options, fold };
    const part = { train, valid, fold, folds: dealt.length };
    const manifest = await manifestOf(part, run.signal);
    const finished = await fromFirst(run.processes, async () => {
      const results = await finishedResults(path, stagesOf(options));
      // The outcome of other images would not belong to this run.
      if (results) requireSameImages(path, results.dataset?.manifest, manifest.record);
      return results;
    });
    const { best, seconds } = finished ?? (await trainModel(run, path, options, { ...part, manifest }));
    if (best?.validAccuracy == null || best.validLoss == null) throw damaged(path);
    const { validAccuracy, validLoss } = best;
    const result = { best: { ...best, validAccuracy, validLoss }, seconds };
    const outcome = outcomeOf(fold, { train, valid }, result);
    run.onEvent({ type: 'fold-end', folds: dealt.length, ...outcome });
    return outcome;
  });
}

async function trainModel(
  run: FoldedRun & InPlace,
  path: string,
  options: PreparedRun['options'],
  part: FoldImages & { manifest: Manifest },
): Promise<RunResults> {
  const { processes, signal, createModel } = run;
  const { train, valid, manifest } = part;
  const fold = { setup: foldSetup(run.setup, part, manifest.record), options, train, valid };
  const model = await createModel();
  try {
    const resume = await fromFirst(processes, () => holdsRun(path));
    // The run's own setup is the one to show.
    const onEvent: PreparedRun['onEvent'] = (event) => event.type === 'setup' || run.onEvent(event);
    const prepared = { ...fold, model, resume, signal, onEvent };
    if (processes?.isFirst === false) return await trainAlong(prepared);
    const config = recordedConfig(fold.setup, fold.options, model);
    await run.requireInPlace();
    const directory = await (resume
      ? RunDirectory.reopen(path, config, manifest)
      : RunDirectory.create(path, config, manifest));
    return await trainInto(directory, prepared);
  } finally {
    model.dispose();
  }
}

/** The setup of a run with the images of one fold. */
function foldSetup(
  setup: RunSetup,
  { train, valid, fold, folds }: FoldImages,
  manifest: ManifestRecord,
): RunSetup {
  const counts = classCounts(train.classes, train.labels, valid.labels);
  const used = { train: train.count, valid: valid.count, classCounts: counts };
  return {
    ...setup,
    dataset: { ...setup.dataset, ...used, validation: `fold ${fold} of ${folds}`, manifest },
  };
}

/** Directory of a fold's run. */
export function foldPath(path: string, fold: number): string {
  return join(path, 'folds', String(fold));
}

/** `outOfFoldLogits` of rank 0, which has the checkpoints. */
async function sharedLogits(run: FoldedRun, dealt: readonly number[][]): Promise<FeatureMatrix> {
  const { processes } = run;
  if (processes === null) return outOfFoldLogits(run, dealt);
  const own = processes.isFirst ? await outOfFoldLogits(run, dealt) : null;
  const tensors = own && [
    { name: 'logits', dtype: 'float32' as const, shape: own.shape, data: new Uint8Array(own.data.buffer) },
  ];
  const [logits] = await processes.tensorsFromFirst(tensors ?? []);
  const { shape, data } = logits as HostTensor;
  return { shape, data: new Float32Array(data.slice().buffer) };
}

/** The logits of the folds' best epochs, which their checkpoints hold, in the order of the run's images. */
async function outOfFoldLogits(run: FoldedRun, dealt: readonly number[][]): Promise<FeatureMatrix> {
  const { count, classes } = run.train;
  const data = new Float32Array(count * classes.length);
  for (const [index, images] of dealt.entries()) {
    const path = foldPath(run.path, index + 1);
    const stored = await readCheckpoint(checkpointIn(path), run.signal);
    const logits = stored?.tensors.find(({ name }) => name === 'best_epoch.logits');
    if (logits?.shape[0] !== images.length || logits.shape[1] !== classes.length) throw damaged(path);
    const rows = new Float32Array(logits.data.slice().buffer);
    for (const [place, image] of images.entries()) {
      const row = rows.subarray(place * classes.length, (place + 1) * classes.length);
      data.set(row, image * classes.length);
    }
  }
  return { shape: [count, classes.length], data };
}

function damaged(path: string): InputError {
  return new InputError(
    'RUN_INVALID',
    `${path} does not hold a finished fold of this run. Remove the directory, and resume the run to train the fold again.`,
  );
}
