import type { ClassCount, DataWarning } from '../data/class-counts.ts';
import type { SkippedImage } from '../data/decoding/decode-all.ts';
import type { LeftOut } from '../data/left-out.ts';
import type { EpochMetrics, Precision } from '../engine/native.ts';
import type { ResumePoint } from '../training/checkpoint.ts';
import type { FitResult } from '../training/fit.ts';
import type { ExperimentName } from './paper.ts';
import type { StageSetup } from './stage-setups.ts';

/** Of every file in a run directory, and every line of epochs.jsonl. */
export const FORMAT_VERSION = 1;

/** Everything that a run uses, as known before it trains. */
export interface RunSetup {
  /** `train` with the user's own images. */
  experiment: ExperimentName | 'train';
  init: 'pretrained' | 'random';
  /** When the run was begun, in ISO 8601; one that goes on keeps it. */
  started: string;
  /** `source` is `random` without a hash where the backbone was drawn from the seed. */
  weights: { source: string; sha256: string | null; trainedOn: string | null };
  /**
   * `train` and `valid` are numbers of images; `validation` says where the latter come from; `skipped` lists those that
   * cannot be decoded and were left out, `leftOut` what else lies there.
   */
  dataset: {
    name: string;
    train: number;
    valid: number;
    source: string;
    validation: string;
    skipped: readonly SkippedImage[];
    /** In the order of their labels. */
    classCounts: readonly ClassCount[];
    leftOut: LeftOut;
  };
  /** What may be wrong with the data. */
  warnings: readonly DataWarning[];
  /** In the order of their labels. */
  classes: readonly string[];
  imageSize: number;
  batchSize: number;
  seed: number;
  device: string;
  hardware: string;
  precision: Precision;
  precisionReason: string;
  libtorch: string;
  /** That train in any stage. */
  trainableParameters: number;
  totalParameters: number;
  /** What trains when and how, one after another. */
  stages: readonly StageSetup[];
  /** By class how much an image of it counts; null where all count the same. */
  classWeights: Record<string, number> | null;
}

/** `aborted` and `failed` runs have the epochs that were whole by then. */
export type StoppedBecause = FitResult['stoppedBecause'] | 'aborted' | 'failed';

/** The content of results.json. */
export interface RunResults extends RunSetup {
  formatVersion: typeof FORMAT_VERSION;
  epochs: EpochMetrics[];
  best: Pick<EpochMetrics, 'epoch' | 'validAccuracy' | 'validLoss'> | null;
  seconds: { total: number; features: number; training: number };
  imagesPerSecond: number;
  stoppedBecause: StoppedBecause;
  /** Where the run went on from a checkpoint, each time. */
  resumed: readonly ResumePoint[];
  /** Of a failed run only. */
  error?: { code: string; message: string };
}
