import { existsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import type { Dataset } from '../data/dataset.ts';
import { processesOf } from '../distributed/join.ts';
import { type Processes, settleTogether, together } from '../distributed/processes.ts';
import { guarded, settle } from '../engine/job.ts';
import type {
  Computation,
  EpochMetrics,
  FeatureCacheOptions,
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
import { hashOf, trainingFacts } from './facts.ts';
import { featureKeys, keptCuts } from './feature-cache-key.ts';
import type { FitResult, fitOptions } from './fit.ts';
import type { TrainingPlan } from './plan.ts';
import { stagesOf } from './recipes.ts';
import type { TrainedLayers } from './trained-layers.ts';

/** Inputs of a training: the engine's model, its device, the images and the options. */
export interface Training {
  model: NativeModel;
  device: string;
  preprocessing: Pick<ModelMetadata, 'imageSize' | 'mean' | 'std'>;
  computation: Required<Computation>;
  data: Dataset;
  options: z.output<typeof fitOptions>;
  plan: TrainingPlan;
  /** Layers of the model that train; each stage updates it when it begins. */
  layers: TrainedLayers;
}

/** Options that the engine needs in addition to the plan. */
type EngineOptions = Pick<Training['options'], 'checkpoint' | 'checkpointMinutes' | 'featureCache'>;

/**
 * Trains the model and leaves the weights of the best epoch in it. Callbacks are called for all events. The caller may
 * dispose of the data sets meanwhile.
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
  control: { signal: AbortSignal; failure: AbortController },
  onEpoch: (epoch: EpochMetrics) => void,
): Promise<FitResult> {
  const processes = await processesOf(run.options, control.signal);
  return together(processes, 'a training', () => trainTogether(run, processes, control, onEpoch));
}

/** Trains with the other processes of the job, if there are any: rank 0 reads and writes the checkpoint. */
async function trainTogether(
  run: Training,
  processes: Processes | null,
  { signal, failure }: { signal: AbortSignal; failure: AbortController },
  onEpoch: (epoch: EpochMetrics) => void,
): Promise<FitResult> {
  const { model, device, data, options } = run;
  const stored = await storedCheckpoint(options, processes, signal);
  const state = await checkpointState(run, stored, processes, signal);
  if (processes) await processes.agree(await trainingFacts(run, state));
  if (stored) await reportResumption(stored, state, run);

  const onFailure = (error: unknown) => failure.abort(error);
  const checkpoints = processes?.isFirst === false ? null : await checkpointWriter(run, state, onFailure);
  const report = reporter(run, state.epochs, onEpoch, () => checkpoints?.request());
  const images = await Promise.all([data.onDevice(device, signal), options.valid.onDevice(device, signal)]);
  const native = await sharedOptions(run, stored, processes, signal);
  const start = () => model.train(...images, native, guarded(report, failure), stored?.tensors ?? []);
  try {
    const outcome = await settleTogether(processes, start, signal);
    await checkpoints?.idle();
    failure.signal.throwIfAborted();
    const logits = model.bestLogits();
    return resultOf({ ...outcome, bestLogits: logits && extracted(logits) }, state, stored);
  } catch (error) {
    await checkpoints?.idle();
    // A checkpoint that could not be written is reported first, even if another error ended the training.
    failure.signal.throwIfAborted();
    throw explained(error, run);
  }
}

/** Adds to the engine's error what only TypeScript knows: the checkpoint file, the batch size and the precision. */
function explained(error: unknown, { device, computation: { precision }, options }: Training): unknown {
  if (isCode(error, 'CHECKPOINT_INVALID')) {
    return checkpointInvalid(options.checkpoint as string, error.message);
  }
  if (!isCode(error, 'OUT_OF_MEMORY')) return error;
  const remedy = precision === 'bf16' ? 'smaller batches' : 'smaller batches or precision bf16';
  const message =
    `Training in batches of ${options.batchSize} images in ${precision} takes more memory than ${device} has ` +
    `free. Use ${remedy} (${error.message})`;
  return new TorchTlError('OUT_OF_MEMORY', message, { cause: error });
}

/** The checkpoint to resume, for all processes. */
async function storedCheckpoint(
  { checkpoint, resume }: Training['options'],
  processes: Processes | null,
  signal: AbortSignal,
): Promise<StoredCheckpoint | null> {
  const isRead = resume && checkpoint !== undefined && processes?.isFirst !== false;
  const stored = isRead ? await readCheckpoint(checkpoint, signal) : null;
  if (processes === null) return stored;
  const { tensors = [], ...state } = stored ?? {};
  const found = await processes.fromFirst(() => (stored ? state : null));
  if (found === null) return null;
  return {
    ...(found as Omit<StoredCheckpoint, 'tensors'>),
    tensors: await processes.tensorsFromFirst(tensors),
  };
}

/** The engine's options: what must be alike in all processes is that of rank 0. */
async function sharedOptions(
  run: Training,
  stored: StoredCheckpoint | null,
  processes: Processes | null,
  signal: AbortSignal,
): Promise<TrainOptions> {
  if (processes === null) return nativeOptions(run, await stageKeys(run, stored, signal));
  const { featureCache, checkpoint } = run.options;
  const first = await processes.fromFirst(async () => ({
    keys: await stageKeys(run, stored, signal),
    checkpoints: checkpoint !== undefined,
    directory: featureCacheOptions(featureCache, checkpoint)?.directory ?? null,
  }));
  const own = nativeOptions(run, first.keys);
  // On the same machine all use the same file; another one may not have rank 0's directory.
  const isHere = first.directory !== null && existsSync(first.directory);
  const cache =
    own.featureCache && isHere
      ? { ...own.featureCache, directory: first.directory as string }
      : own.featureCache;
  return { ...own, checkpoints: first.checkpoints, featureCache: cache, group: processes.group };
}

async function checkpointState(
  run: Training,
  stored: StoredCheckpoint | null,
  processes: Processes | null,
  signal: AbortSignal,
): Promise<CheckpointState> {
  const { data, options, computation } = run;
  const isCompared = options.checkpoint !== undefined || processes !== null;
  const train = isCompared ? await hashOf(data, signal) : '';
  const valid = isCompared ? await hashOf(options.valid, signal) : '';
  const epochs = stored?.epochs ?? [];
  return {
    epochs: [...epochs],
    resumed: stored ? [...stored.resumed, { epoch: epochs.length, batch: stored.batch }] : [],
    options: checkpointOptions(options, run.device),
    computation: {
      precision: computation.precision,
      threads: computation.threads,
      processes: processes?.membership.size ?? 1,
    },
    data: { train, valid },
  };
}

/** Creates the directory once, at the start: a directory that is removed during the training must not reappear. */
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

async function reportResumption(
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
 * Handles the engine's events: collects the epochs, requests checkpoints and calls the callbacks. After a resumption
 * `onBest` is called again with the best epoch so far, once its weights are restored, because they may not have been
 * written before the stop.
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
    // Before the callbacks, because one may throw while the engine has already changed the layers.
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

/** Epoch with the highest validation accuracy; the lower validation loss decides between equal ones. */
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

/** File names under which the features of each stage's frozen layers are kept for later trainings; null keeps none. */
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
  // The tensors of a checkpoint will replace the model's current ones.
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
 * Options of a training as the engine takes them.
 *
 * @param keys names of each stage's feature files
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

/**
 * The engine's options for the feature cache. The cache may take half of the memory that is free now, both on the
 * machine and in this process's control group.
 *
 * @param option directory of files that are kept for later trainings; true for a cache without such files, false for no
 *   cache
 * @param checkpoint checkpoint file of the training; features that do not fit into memory go to its directory, or
 *   without a checkpoint to the system's temporary directory
 */
export function featureCacheOptions(
  option: string | boolean,
  checkpoint: string | undefined,
): FeatureCacheOptions | null {
  if (option === false) return null;
  const scratch = checkpoint === undefined ? tmpdir() : dirname(checkpoint);
  const free = Math.min(freemem(), process.availableMemory());
  return { directory: resolve(option === true ? scratch : option), memoryLimit: Math.floor(free / 2) };
}
