import { z } from 'zod';
import { Dataset } from '../data/dataset.ts';
import type { EpochMetrics, TrainEvent, TrainResult } from '../engine/native.ts';
import type { FeatureMatrix } from '../model/extraction.ts';
import type { FitDocs } from '../options/docs.ts';
import { abortSignal, callback, checkOptions, trainingOptions } from '../options/index.ts';
import type { ResumePoint } from './checkpoint.ts';
import { requireUsed } from './effects.ts';

type EventOf<Type extends TrainEvent['type']> = Extract<TrainEvent, { type: Type }>;

/** A stage begins, so many whole epochs after the training did. */
export type StageStart = EventOf<'stage'> & { name: string | null; epoch: number };

/** Where the features of frozen layers are kept, and whether they were found there. */
export type CacheReport = EventOf<'cache'>;

/** Images of the one pass through frozen layers: how many are done, of how many. */
export type FeaturesProgress = EventOf<'features'>;

/** After a training step. Loss and accuracy are those of the epoch so far. */
export type BatchProgress = EventOf<'batch'>;

/** A training goes on from a checkpoint. */
export interface ResumeEvent extends ResumePoint {
  type: 'resume';
  /** The epochs behind it. */
  epochs: readonly EpochMetrics[];
  /** Where it went on each time, this one last. */
  resumed: readonly ResumePoint[];
  /** What is not as it was though it may be, a sentence each. */
  changed: string[];
}

const file = "a file's path";

export const fitOptions = trainingOptions.extend({
  valid: z
    .custom<Dataset>((value) => value instanceof Dataset, { error: 'a Dataset' })
    .describe('the images that validate after each epoch'),
  checkpoint: z
    .string({ error: file })
    .min(1, { error: file })
    .optional()
    .describe(
      'a file for checkpoints: after every epoch, every `checkpointMinutes`, and when the signal stops it',
    ),
  resume: z
    .boolean({ error: 'true or false' })
    .default(false)
    .describe('goes on from that file where it is there'),
  signal: abortSignal.describe('stops the work'),
  onResume: callback<(resumption: ResumeEvent) => void | Promise<void>>().describe(
    'hears where it goes on; nothing is trained before a promise that it gives has resolved',
  ),
  onStage: callback<(stage: StageStart) => void>().describe('hears that a stage begins'),
  onCache: callback<(report: CacheReport) => void>().describe('hears where features are kept'),
  onFeatures: callback<(progress: FeaturesProgress) => void>().describe(
    'hears how far the pass through frozen layers is',
  ),
  onBatch: callback<(progress: BatchProgress) => void>().describe('hears of every training step'),
  onBest: callback<(epoch: EpochMetrics) => void>().describe('hears of every epoch that is the best so far'),
});

export type FitOptions = z.input<typeof fitOptions> & FitDocs;

/**
 * Checked, with defaults filled in.
 *
 * @throws InputError `INVALID_ARGUMENT`, also for options that would have no effect
 */
export function checkFit(options: FitOptions): z.output<typeof fitOptions> {
  const checked = checkOptions(fitOptions, options);
  requireUsed(options, checked);
  return checked;
}

/** What a training came to; with those before where it went on from a checkpoint. */
export interface FitResult extends TrainResult {
  /** The epoch of the highest validation accuracy; of equals the one of the lower loss. */
  best: EpochMetrics;
  /**
   * Its logits of the validation images, in their order; null where it was before a checkpoint that has none.
   *
   * @internal
   */
  bestLogits: FeatureMatrix | null;
  epochs: EpochMetrics[];
  /** Where it went on from a checkpoint, each time. */
  resumed: ResumePoint[];
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
