import { z } from 'zod';
import { Dataset } from './dataset.ts';
import { guarded, settle } from './job.ts';
import type {
  EpochMetrics,
  NativeModel,
  Precision,
  TrainEvent,
  TrainOptions,
  TrainResult,
} from './native.ts';
import { abortSignal, callback, trainingOptions } from './options.ts';
import type { TrainingPlan } from './training-plan.ts';

type EventOf<Type extends TrainEvent['type']> = Extract<TrainEvent, { type: Type }>;

/** Pictures of the one pass through a frozen backbone: how many are done, of how many. */
export type FeaturesProgress = EventOf<'features'>;

/** After a training step. Loss and accuracy are those of the epoch so far. */
export type BatchProgress = EventOf<'batch'>;

export const fitOptions = trainingOptions.extend({
  valid: z.instanceof(Dataset, { error: 'a Dataset' }),
  signal: abortSignal,
  onFeatures: callback<(progress: FeaturesProgress) => void>(),
  onBatch: callback<(progress: BatchProgress) => void>(),
  onBest: callback<(epoch: EpochMetrics) => void>(),
});

export type FitOptions = z.input<typeof fitOptions>;

/** What a training came to. */
export interface FitResult extends TrainResult {
  /** The epoch of the highest validation accuracy; of equals the one of the lower loss. */
  best: EpochMetrics;
  epochs: EpochMetrics[];
}

/**
 * A training that is under way. Iterating it gives each epoch as it ends, from the first one on,
 * whenever the iterating begins; leaving the loop early stops nothing (the signal does). Iterating
 * rejects as `result` does; once someone iterates, `result` is no unhandled rejection.
 */
export class FitRun implements AsyncIterable<EpochMetrics> {
  /** Rejects with the signal's reason after an abort. */
  readonly result: Promise<FitResult>;
  readonly #epochs: EpochMetrics[] = [];
  #ended = false;
  #announce = () => {};
  #news = this.#nextNews();

  /** @internal */
  constructor(train: (onEpoch: (epoch: EpochMetrics) => void) => Promise<FitResult>) {
    const result = train((epoch) => {
      this.#epochs.push(epoch);
      this.#announce();
    });
    this.result = result.finally(() => {
      this.#ended = true;
      this.#announce();
    });
  }

  [Symbol.asyncIterator](): AsyncIterator<EpochMetrics> {
    this.result.catch(() => {});
    return this.#iterate();
  }

  async *#iterate(): AsyncGenerator<EpochMetrics> {
    let next = 0;
    while (true) {
      while (next < this.#epochs.length) yield this.#epochs[next++] as EpochMetrics;
      if (this.#ended) break;
      await this.#news;
    }
    await this.result;
  }

  #nextNews(): Promise<void> {
    return new Promise((resolve) => {
      this.#announce = () => {
        this.#news = this.#nextNews();
        resolve();
      };
    });
  }
}

/** What a training works with: the engine's model, where it is, and the pictures. */
export interface Training {
  model: NativeModel;
  device: string;
  precision: Precision;
  data: Dataset;
  options: z.output<typeof fitOptions>;
  plan: TrainingPlan;
}

/**
 * Trains, calling back for every event, and leaves the best epoch's weights in the model.
 *
 * @throws the signal's reason, what a callback threw, or TorchTlError `LOSS_NOT_FINITE`,
 *   `OUT_OF_MEMORY` or `NATIVE_FAILURE`
 */
export async function train(
  run: Training,
  stopped: AbortSignal,
  onEpoch: (epoch: EpochMetrics) => void,
): Promise<FitResult> {
  const { model, device, data, options } = run;
  const callbackFailed = new AbortController();
  const signal = AbortSignal.any([stopped, callbackFailed.signal]);
  const epochs: EpochMetrics[] = [];
  let best: EpochMetrics | undefined;

  function report(event: TrainEvent): void {
    if (event.type === 'features') options.onFeatures?.(event);
    else if (event.type === 'batch') options.onBatch?.(event);
    else if (event.type === 'epoch') reportEpoch(event);
  }

  function reportEpoch({ type, best: isBest, ...epoch }: EventOf<'epoch'>): void {
    epochs.push(epoch);
    if (isBest) {
      best = epoch;
      options.onBest?.(epoch);
    }
    onEpoch(epoch);
  }

  const [training, validation] = await Promise.all([data.onDevice(device), options.valid.onDevice(device)]);
  const outcome = await settle(
    () => model.train(training, validation, nativeOptions(run), guarded(report, callbackFailed), []),
    signal,
  );
  return { best: best as EpochMetrics, epochs, ...outcome };
}

function nativeOptions({ plan, options, precision }: Training): TrainOptions {
  const featureCache = options.featureCache !== false;
  return { ...plan, precision, featureCache, checkpoints: false, checkpointSeconds: null };
}
