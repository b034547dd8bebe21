import { z } from 'zod';
import type { DataWarning } from '../data/data-warning.ts';
import { Dataset } from '../data/dataset.ts';
import type { EpochMetrics, TrainEvent, TrainResult } from '../engine/native-training.ts';
import type { FeatureMatrix } from '../model/extraction.ts';
import type { FitDocs } from '../options/docs.ts';
import { abortSignal, callback, path, trainingOptions } from '../options/index.ts';
import type { ResumePoint } from './checkpoint.ts';
import { requireCheckpointPlace, requireUsed } from './effects.ts';
import { checkTraining } from './without-validation.ts';

type EventOf<Type extends TrainEvent['type']> = Extract<TrainEvent, { type: Type }>;

/** Start of a stage; `epoch` is the number of epochs completed before it. */
export type StageStart = EventOf<'stage'> & { name: string | null; epoch: number };

/** Where the features of the frozen layers are kept, and whether they were found there. */
export type CacheReport = EventOf<'cache'>;

/** Progress of the single pass of all images through the frozen layers, in images. */
export type FeaturesProgress = EventOf<'features'>;

/** Progress after a training step. Loss and accuracy are means over the epoch so far. */
export type BatchProgress = EventOf<'batch'>;

/** A training resumes from a checkpoint. */
export interface ResumeEvent extends ResumePoint {
  type: 'resume';
  /** Epochs completed before the checkpoint. */
  epochs: readonly EpochMetrics[];
  /** All points at which the training was resumed; this one is the last. */
  resumed: readonly ResumePoint[];
  /** Options that differ from the checkpoint's, one sentence for each. */
  changed: string[];
}

export const fitOptions = trainingOptions.extend({
  valid: z
    .custom<Dataset | null>((value) => value === null || value instanceof Dataset, {
      error: 'a Dataset, or null',
    })
    .describe(
      'images to validate on after each epoch; null validates nothing, and the last epoch is the best',
    ),
  checkpoint: path("a file's path")
    .optional()
    .describe(
      'file to write checkpoints to: after each epoch, every `checkpointMinutes`, and when the signal stops the training',
    ),
  resume: z
    .boolean({ error: 'true or false' })
    .default(false)
    .describe('resumes from the checkpoint file if it exists'),
  signal: abortSignal.describe('stops the training after the current batch'),
  onWarning: callback<(warning: DataWarning) => void>().describe(
    'called before the training with each possible fault of the data, such as images that are in both sets; without it they are process warnings (`process.emitWarning`)',
  ),
  onResume: callback<(resumption: ResumeEvent) => void | Promise<void>>().describe(
    'called before a training resumes; training starts once a promise that it returns has resolved',
  ),
  onStage: callback<(stage: StageStart) => void>().describe('called when a stage begins'),
  onCache: callback<(report: CacheReport) => void>().describe(
    'called with the place where features are kept',
  ),
  onFeatures: callback<(progress: FeaturesProgress) => void>().describe(
    'called with the progress of the pass through the frozen layers',
  ),
  onBatch: callback<(progress: BatchProgress) => void>().describe('called after each training step'),
  onBest: callback<(epoch: EpochMetrics) => void>().describe(
    'called after each epoch that is the best so far',
  ),
});

/** Options of `fit`, with which there may be no validation images. */
export type AnyFitOptions = z.input<typeof fitOptions> &
  FitDocs & {
    /** Images to validate on after each epoch; null validates nothing, and the last epoch is the best. */
    valid: Dataset | null;
  };

/** Options of `fit` with validation images. */
export type FitOptions = z.input<typeof fitOptions> &
  FitDocs & {
    /** Images to validate on after each epoch. */
    valid: Dataset;
  };

/**
 * Checks the options of `fit` and fills in defaults.
 *
 * @throws InputError `INVALID_ARGUMENT`, also for options that would have no effect
 */
export function checkFit(options: AnyFitOptions): z.output<typeof fitOptions> {
  const checked = checkTraining(fitOptions, options);
  requireUsed(options, checked);
  requireCheckpointPlace('checkpoint', options, checked);
  return checked;
}

/** Result of a training. After a resumption it includes the epochs before the checkpoint. */
export interface FitResult<Valid extends number | null = number> extends TrainResult {
  /**
   * Epoch with the highest validation accuracy, or the best figure that `monitor` names; the lower validation loss
   * decides between equal ones. Without validation images the last epoch.
   */
  best: EpochMetrics<Valid>;
  /**
   * Logits of the validation images in the best epoch, `[count, classes]` in the order of the data; null without
   * validation images, and if that epoch is from a checkpoint without them.
   *
   * @internal
   */
  bestLogits: FeatureMatrix | null;
  /** Metrics of all epochs. */
  epochs: EpochMetrics<Valid>[];
  /** Points at which the training was resumed from a checkpoint. */
  resumed: ResumePoint[];
}

/**
 * A training in progress. An async iteration yields the metrics of every epoch that this call trains, also of those that
 * ended before the loop began; those of a checkpoint that it resumes are in the result. Leaving the loop early does not stop the training; the signal does. The iteration rejects with the same
 * error as `result`, which then does not count as an unhandled rejection.
 */
export class FitRun<Valid extends number | null = number> implements AsyncIterable<EpochMetrics<Valid>> {
  /** Resolves when the training has ended; rejects with its error, or after an abort with the signal's reason. */
  readonly result: Promise<FitResult<Valid>>;
  readonly #epochs: EpochMetrics<Valid>[] = [];
  #ended = false;
  #signalChange = () => {};
  #change = this.#nextChange();

  /** @internal */
  constructor(train: (onEpoch: (epoch: EpochMetrics) => void) => Promise<FitResult<number | null>>) {
    const result = train((epoch) => {
      this.#epochs.push(epoch as EpochMetrics<Valid>);
      this.#signalChange();
    });
    this.result = result.finally(() => {
      this.#ended = true;
      this.#signalChange();
    }) as Promise<FitResult<Valid>>;
  }

  [Symbol.asyncIterator](): AsyncIterator<EpochMetrics<Valid>> {
    this.result.catch(() => {});
    return this.#iterate();
  }

  async *#iterate(): AsyncGenerator<EpochMetrics<Valid>> {
    let next = 0;
    while (true) {
      while (next < this.#epochs.length) yield this.#epochs[next++] as EpochMetrics<Valid>;
      if (this.#ended) break;
      await this.#change;
    }
    await this.result;
  }

  /** Resolves at the next epoch or at the end. */
  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#signalChange = () => {
        this.#change = this.#nextChange();
        resolve();
      };
    });
  }
}
