import { dirname } from 'node:path';
import type { z } from 'zod';
import type { Dataset } from '../data/dataset.ts';
import { guarded, settle } from '../engine/job.ts';
import type {
  Computation,
  EpochMetrics,
  FeatureKeys,
  NativeModel,
  TrainEvent,
  TrainOptions,
} from '../engine/native.ts';
import { TorchTlError } from '../errors.ts';
import { makeDirectory } from '../files/atomic-file.ts';
import { extracted } from '../model/extraction.ts';
import type { ModelMetadata } from '../model/metadata.ts';
import { unwritable } from '../support/files.ts';
import { sha256 } from '../support/hash.ts';
import { withFirstOf } from '../support/signals.ts';
import {
  type CheckpointState,
  CheckpointWriter,
  checkpointInvalid,
  checkpointOptions,
  readCheckpoint,
  requireSame,
  type StoredCheckpoint,
} from './checkpoint.ts';
import { featureCacheOptions } from './feature-cache.ts';
import { featureKeys, keptCuts } from './feature-cache-key.ts';
import type { FitResult, fitOptions } from './fit.ts';
import type { TrainingPlan } from './plan.ts';
import { stagesOf } from './recipes.ts';
import type { TrainedLayers } from './trained-layers.ts';

/** What a training works with: the engine's model, where it is, and the images. */
export interface Training {
  model: NativeModel;
  device: string;
  preprocessing: Pick<ModelMetadata, 'imageSize' | 'mean' | 'std'>;
  computation: Required<Computation>;
  data: Dataset;
  options: z.output<typeof fitOptions>;
  plan: TrainingPlan;
  /** Of the model; they become those of the stage that begins. */
  layers: TrainedLayers;
}

/** Options that the engine needs besides the plan. */
type EngineOptions = Pick<Training['options'], 'checkpoint' | 'checkpointMinutes' | 'featureCache'>;

/**
 * Trains, calling back for every event, and leaves the best epoch's weights in the model. The data sets may
 * be disposed of meanwhile.
 *
 * @throws the signal's reason, what a callback threw, InputError `CHECKPOINT_INVALID` or
 *   `CHECKPOINT_MISMATCH`, or TorchTlError `LOSS_NOT_FINITE`, `OUT_OF_MEMORY`, `WRITE_FAILED` or
 *   `NATIVE_FAILURE`
 */
export async function train(
  given: Training,
  stopped: AbortSignal,
  onEpoch: (epoch: EpochMetrics) => void,
): Promise<FitResult> {
  const data = given.data.share();
  const valid = given.options.valid.share();
  const run = { ...given, data, options: { ...given.options, valid } };
  const failure = new AbortController();
  try {
    return await withFirstOf([stopped, failure.signal], (signal) =>
      trainWith(run, { signal, failure }, onEpoch),
    );
  } finally {
    data.dispose();
    valid.dispose();
  }
}

async function trainWith(
  run: Training,
  { signal, failure }: { signal: AbortSignal; failure: AbortController },
  onEpoch: (epoch: EpochMetrics) => void,
): Promise<FitResult> {
  const { model, device, data, options } = run;
  const stored = await storedCheckpoint(options, signal);
  const state = await checkpointState(run, stored, signal);
  if (stored) await tellOfResumption(stored, state, run);

  const onFailure = (error: unknown) => failure.abort(error);
  const checkpoints = await checkpointWriter(run, state, onFailure);
  const report = reporter(run, state.epochs, onEpoch, () => checkpoints?.request());
  const images = await Promise.all([data.onDevice(device, signal), options.valid.onDevice(device, signal)]);
  const native = nativeOptions(run, await stageKeys(run, stored, signal));
  const start = () => model.train(...images, native, guarded(report, failure), stored?.tensors ?? []);
  try {
    const outcome = await settle(start, signal);
    await checkpoints?.idle();
    failure.signal.throwIfAborted();
    const logits = model.bestLogits();
    return resultOf({ ...outcome, bestLogits: logits && extracted(logits) }, state, stored);
  } catch (error) {
    await checkpoints?.idle();
    // That the last checkpoint could not be written matters more than what ended the training.
    failure.signal.throwIfAborted();
    throw explained(error, run);
  }
}

/** The engine's error with what only this side knows: the file, and what the training was told. */
function explained(error: unknown, { device, computation: { precision }, options }: Training): unknown {
  if (isCode(error, 'CHECKPOINT_INVALID')) {
    return checkpointInvalid(options.checkpoint as string, error.message);
  }
  if (!isCode(error, 'OUT_OF_MEMORY')) return error;
  const cheaper = precision === 'bf16' ? 'batches' : 'batches, or precision bf16,';
  const message =
    `Training in batches of ${options.batchSize} images in ${precision} takes more memory than ${device} has ` +
    `free: smaller ${cheaper} take less (${error.message})`;
  return new TorchTlError('OUT_OF_MEMORY', message, { cause: error });
}

async function storedCheckpoint({ checkpoint, resume }: Training['options'], signal: AbortSignal) {
  return resume && checkpoint !== undefined ? await readCheckpoint(checkpoint, signal) : null;
}

async function checkpointState(
  run: Training,
  stored: StoredCheckpoint | null,
  signal: AbortSignal,
): Promise<CheckpointState> {
  const { data, options, computation } = run;
  const train = options.checkpoint === undefined ? '' : await hashOf(data, signal);
  const valid = options.checkpoint === undefined ? '' : await hashOf(options.valid, signal);
  const epochs = stored?.epochs ?? [];
  return {
    epochs: [...epochs],
    resumed: stored ? [...stored.resumed, { epoch: epochs.length, batch: stored.batch }] : [],
    options: checkpointOptions(options, run.device),
    computation: { precision: computation.precision, threads: computation.threads },
    data: { train, valid },
  };
}

/** Makes the file's directory once: a training whose directory is removed meanwhile must not bring it back. */
async function checkpointWriter(
  { model, options: { checkpoint } }: Training,
  state: CheckpointState,
  onFailure: (error: unknown) => void,
): Promise<CheckpointWriter | null> {
  if (checkpoint === undefined) return null;
  await makeDirectory(dirname(checkpoint)).catch((cause: unknown) => {
    throw unwritable(checkpoint, cause);
  });
  return new CheckpointWriter(checkpoint, model, state, onFailure);
}

async function hashOf(data: Dataset, signal: AbortSignal): Promise<string> {
  const { buffer, byteOffset, byteLength } = data.labels;
  return sha256([
    Buffer.from(await data.pixelsSha256(signal)),
    new Uint8Array(buffer, byteOffset, byteLength),
  ]);
}

async function tellOfResumption(
  stored: StoredCheckpoint,
  now: CheckpointState,
  run: Training,
): Promise<void> {
  const { epochs, batch } = stored;
  const { checkpoint, onResume } = run.options;
  const changed = requireSame(stored, now, checkpoint as string, run);
  await onResume?.({ type: 'resume', epoch: epochs.length, batch, epochs, resumed: now.resumed, changed });
}

/**
 * What hears of the engine's events: it keeps the epochs, and asks for checkpoints. The best epoch before
 * a resumption is told of again, once its weights are back, since nobody may have written them.
 */
function reporter(
  { options, plan, layers }: Training,
  epochs: EpochMetrics[],
  onEpoch: (epoch: EpochMetrics) => void,
  onCheckpoint: () => void,
): (event: TrainEvent) => void {
  const names = stagesOf(options).map(({ name = null }) => name);
  let bestBefore = epochs.length > 0 ? bestOf(epochs) : null;
  return (event) => {
    // First, since a callback may throw: that undoes nothing.
    if (event.type === 'stage') layers.setOnly(plan.stages[event.stage - 1]?.trainable ?? null);
    if (bestBefore) options.onBest?.(bestBefore);
    bestBefore = null;
    if (event.type === 'stage')
      options.onStage?.({ ...event, name: names[event.stage - 1] ?? null, epoch: epochs.length });
    else if (event.type === 'cache') options.onCache?.(event);
    else if (event.type === 'features') options.onFeatures?.(event);
    else if (event.type === 'batch') options.onBatch?.(event);
    else if (event.type === 'checkpoint') onCheckpoint();
    else {
      const { type, best, ...epoch } = event;
      epochs.push(epoch);
      if (best) options.onBest?.(epoch);
      onEpoch(epoch);
    }
  };
}

function resultOf(
  outcome: Omit<FitResult, 'epochs' | 'resumed' | 'best'>,
  { epochs, resumed }: CheckpointState,
  stored: StoredCheckpoint | null,
): FitResult {
  const earlier = secondsOf(stored?.epochs ?? []);
  const { total, training, features } = outcome.seconds;
  const seconds = { total: total + earlier, training: training + earlier, features };
  return { ...outcome, seconds, epochs, resumed, best: bestOf(epochs) };
}

/** The epoch of the highest validation accuracy; of equals the one of the lower loss. */
export function bestOf(epochs: readonly EpochMetrics[]): EpochMetrics {
  return epochs.reduce((best, epoch) => {
    if (epoch.validAccuracy !== best.validAccuracy) {
      return epoch.validAccuracy > best.validAccuracy ? epoch : best;
    }
    return epoch.validLoss < best.validLoss ? epoch : best;
  });
}

export function secondsOf(epochs: readonly EpochMetrics[]): number {
  return epochs.reduce((sum, { seconds }) => sum + seconds, 0);
}

function isCode(error: unknown, code: TorchTlError['code']): error is TorchTlError {
  return error instanceof TorchTlError && error.code === code;
}

/** Under which names a directory for later trainings keeps the features of each stage's frozen layers. */
async function stageKeys(
  run: Training,
  stored: StoredCheckpoint | null,
  signal: AbortSignal,
): Promise<Array<FeatureKeys | null>> {
  const { model, device, preprocessing, computation, data, options, plan } = run;
  if (typeof options.featureCache !== 'string') return plan.stages.map(() => null);
  const cuts = keptCuts(await settle(() => model.describe(), signal), plan.stages);
  const now = await settle(() => model.state(), signal);
  const saved = new Map(stored?.tensors.map(({ name, data }) => [name, data]));
  // Those of a checkpoint will take the place of what the model has now.
  const tensors = now.map((tensor) => ({
    ...tensor,
    data: saved.get(`model.${tensor.name}`) ?? tensor.data,
  }));
  const { batchSize } = options;
  const origin = { tensors, ...preprocessing, ...computation, device, batchSize };
  return await Promise.all(
    cuts.map((cut) => (cut === null ? null : featureKeys({ ...origin, cut }, data, options.valid, signal))),
  );
}

/**
 * What the engine is told of a training.
 *
 * @param keys of each stage, where it has any
 */
export function nativeOptions(
  { plan, options, computation }: Pick<Training, 'plan' | 'computation'> & { options: EngineOptions },
  keys: ReadonlyArray<FeatureKeys | null> = [],
): TrainOptions {
  const { checkpoint, checkpointMinutes, featureCache } = options;
  return {
    ...plan,
    stages: plan.stages.map((stage, index) => ({ ...stage, featureKeys: keys[index] ?? null })),
    ...computation,
    featureCache: featureCacheOptions(featureCache, checkpoint),
    checkpoints: checkpoint !== undefined,
    checkpointSeconds: checkpointMinutes === 'off' ? null : checkpointMinutes * 60,
  };
}
