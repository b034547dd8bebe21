import { dirname } from 'node:path';
import type { z } from 'zod';
import { warn } from '../data/data-warning.ts';
import type { Dataset } from '../data/dataset.ts';
import { twinsAcross } from '../data/twin-warning.ts';
import { processesOf } from '../distributed/join.ts';
import { type Processes, settleTogether, together } from '../distributed/processes.ts';
import { guarded } from '../engine/job.ts';
import type { NativeModel } from '../engine/native.ts';
import type { Computation } from '../engine/native-computation.ts';
import type { EpochMetrics, TrainEvent } from '../engine/native-training.ts';
import { TorchTlError } from '../errors.ts';
import { makeDirectory } from '../files/atomic-file.ts';
import { warnOfSize } from '../model/data-checks.ts';
import { extracted } from '../model/extraction.ts';
import { unwritable } from '../support/files.ts';
import { withFirstOf } from '../support/signals.ts';
import {
  type CheckpointState,
  CheckpointWriter,
  checkpointInvalid,
  checkpointOptions,
  type ModelDescription,
  readCheckpoint,
  requireSame,
  type StoredCheckpoint,
} from './checkpoint.ts';
import { sharedOptions } from './engine-options.ts';
import { hashOf, trainingFacts } from './facts.ts';
import type { FitResult, fitOptions } from './fit.ts';
import type { TrainingPlan } from './plan.ts';
import { stagesOf } from './recipes.ts';
import type { TrainedLayers } from './trained-layers.ts';

/** Inputs of a training: the engine's model, its device, the images and the options. */
export interface Training {
  model: NativeModel;
  device: string;
  description: ModelDescription;
  computation: Required<Computation>;
  data: Dataset;
  options: z.output<typeof fitOptions>;
  plan: TrainingPlan;
  /** Layers of the model that train; each stage updates it when it begins. */
  layers: TrainedLayers;
  /** Where the model's weights came from: a name or a path; null for random weights. */
  weights: string | null;
  /** Called before the engine changes the model. */
  onStart: () => void;
}

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
): Promise<FitResult<number | null>> {
  const data = given.data.share();
  const valid = given.options.valid?.share() ?? null;
  const run = { ...given, data, options: { ...given.options, valid } };
  const failure = new AbortController();
  try {
    return await withFirstOf([stopped, failure.signal], (signal) =>
      trainWith(run, { signal, failure }, onEpoch),
    );
  } finally {
    data.dispose();
    valid?.dispose();
  }
}

async function trainWith(
  run: Training,
  control: { signal: AbortSignal; failure: AbortController },
  onEpoch: (epoch: EpochMetrics) => void,
): Promise<FitResult<number | null>> {
  const processes = await processesOf(run.options, control.signal);
  return together(processes, 'a training', () => trainTogether(run, processes, control, onEpoch));
}

/** Trains with the other processes of the job, if there are any: rank 0 reads and writes the checkpoint. */
async function trainTogether(
  run: Training,
  processes: Processes | null,
  { signal, failure }: { signal: AbortSignal; failure: AbortController },
  onEpoch: (epoch: EpochMetrics) => void,
): Promise<FitResult<number | null>> {
  const { options } = run;
  const stored = await storedCheckpoint(options, processes, signal);
  const state = await checkpointState(run, stored, processes, signal);
  if (processes) await processes.agree(await trainingFacts(run, state));
  if (processes?.isFirst !== false) await warnOfData(run, signal);
  if (stored) await reportResumption(stored, state, run);

  const onFailure = (error: unknown) => failure.abort(error);
  const checkpoints = processes?.isFirst === false ? null : await checkpointWriter(run, state, onFailure);
  const report = reporter(run, state.epochs, onEpoch, () => checkpoints?.request());
  const isDone = () => checkpoints?.idle();
  try {
    return await trainFrom(run, { state, stored, processes, report, isDone }, { signal, failure });
  } finally {
    await checkpoints?.close();
  }
}

/** What a training starts from, and what its events go to. */
interface Start {
  state: CheckpointState;
  stored: StoredCheckpoint | null;
  processes: Processes | null;
  report: (event: TrainEvent) => void;
  /** Resolves when no checkpoint is being written. */
  isDone: () => Promise<void> | undefined;
}

async function trainFrom(
  run: Training,
  { state, stored, processes, report, isDone }: Start,
  { signal, failure }: { signal: AbortSignal; failure: AbortController },
): Promise<FitResult<number | null>> {
  const { model, device, data, options } = run;
  const images = await Promise.all([
    data.onDevice(device, signal),
    options.valid?.onDevice(device, signal) ?? null,
  ]);
  const native = await sharedOptions({ ...run, valid: options.valid ?? data }, stored, processes, signal);
  const start = () => {
    run.onStart();
    return model.train(...images, native, guarded(report, failure), stored?.tensors ?? []);
  };
  try {
    const outcome = await settleTogether(processes, start, signal);
    await isDone();
    failure.signal.throwIfAborted();
    const logits = model.bestLogits();
    return resultOf({ ...outcome, bestLogits: logits && extracted(logits) }, state, stored);
  } catch (error) {
    await isDone();
    // A checkpoint that could not be written is reported first, even if another error ended the training.
    failure.signal.throwIfAborted();
    throw explained(error, run);
  }
}

/** Tells of what a training would not show: images of another size, and validation images that are trained on. */
async function warnOfData(
  { data, description, options: { valid, onWarning } }: Training,
  signal: AbortSignal,
): Promise<void> {
  warnOfSize('train', data, description, onWarning);
  if (!valid) return;
  warnOfSize('valid', valid, description, onWarning);
  const message = await twinsAcross(data, valid, signal);
  if (message !== null) warn({ kind: 'twins-across-parts', message }, onWarning);
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

async function checkpointState(
  run: Training,
  stored: StoredCheckpoint | null,
  processes: Processes | null,
  signal: AbortSignal,
): Promise<CheckpointState> {
  const { data, options, computation } = run;
  const isCompared = options.checkpoint !== undefined || processes !== null;
  const train = isCompared ? await hashOf(data, signal) : '';
  const valid = options.valid && (isCompared ? await hashOf(options.valid, signal) : '');
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
    model: run.description,
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
      const { type, ...epoch } = event;
      epochs.push(epoch);
      if (epoch.best) options.onBest?.(epoch);
      onEpoch(epoch);
    }
  };
}

function resultOf(
  outcome: Omit<FitResult<number | null>, 'epochs' | 'resumed' | 'best'>,
  { epochs, resumed }: CheckpointState,
  stored: StoredCheckpoint | null,
): FitResult<number | null> {
  const earlier = secondsOf(stored?.epochs ?? []);
  const { total, training, features } = outcome.seconds;
  const seconds = { total: total + earlier, training: training + earlier, features };
  return { ...outcome, seconds, epochs, resumed, best: bestOf(epochs) };
}

/** The best of epochs, of which there is at least one: the engine says at each whether it was the best so far. */
export function bestOf(epochs: readonly EpochMetrics[]): EpochMetrics {
  return epochs.findLast(({ best }) => best) as EpochMetrics;
}

export function secondsOf(epochs: readonly EpochMetrics[]): number {
  return epochs.reduce((sum, { seconds }) => sum + seconds, 0);
}

function isCode(error: unknown, code: TorchTlError['code']): error is TorchTlError {
  return error instanceof TorchTlError && error.code === code;
}
