import type { ClassCount } from '../data/class-counts.ts';
import type { DataWarning } from '../data/data-warning.ts';
import type { SkippedImage } from '../data/decoding/decode-all.ts';
import type { LeftOut } from '../data/left-out.ts';
import type { Precision } from '../engine/native-computation.ts';
import type { EpochMetrics } from '../engine/native-training.ts';
import type { Calibration } from '../model/calibration.ts';
import type { Monitor } from '../options/index.ts';
import type { ResumePoint } from '../training/checkpoint.ts';
import type { FitResult } from '../training/fit.ts';
import type { FoldsSummary } from '../training/folds.ts';
import type { BestEpoch } from './best-epoch.ts';
import type { ManifestRecord } from './manifest.ts';
import type { ExperimentName } from './paper.ts';
import type { StageSetup } from './stage-setups.ts';

/** Format version of every file in a run directory, and of every line of epochs.jsonl. */
export const FORMAT_VERSION = 1;

/** One of the processes of a run. */
export interface ProcessSetup {
  rank: number;
  /** Name of its machine. */
  host: string;
  device: string;
  hardware: string;
}

/** The setup of a run, as known before it trains. */
export interface RunSetup {
  /** `train` for the user's own images. */
  experiment: ExperimentName | 'train';
  init: 'pretrained' | 'random';
  /** Start of the run in ISO 8601; a resumed run keeps it. */
  started: string;
  /** `source` is `random`, without a hash, if the backbone was drawn from the seed. */
  weights: { source: string; sha256: string | null; trainedOn: string | null };
  /**
   * `train` and `valid` are numbers of images; `validation` says where the validation images come from; `skipped` lists
   * the images that cannot be decoded, `leftOut` counts the files that are no images; `manifest` names the file that
   * lists all images, and is null in runs of earlier versions.
   */
  dataset: {
    name: string;
    train: number;
    valid: number;
    source: string;
    validation: string;
    skipped: readonly SkippedImage[];
    /** In the order of the labels. */
    classCounts: readonly ClassCount[];
    leftOut: LeftOut;
    manifest: ManifestRecord | null;
  };
  /** Possible faults of the data. */
  warnings: readonly DataWarning[];
  /** Class names in the order of the labels. */
  classes: readonly string[];
  imageSize: number;
  batchSize: number;
  seed: number;
  device: string;
  hardware: string;
  precision: Precision;
  precisionReason: string;
  libtorch: string;
  /** The processes that trained together, by rank; null for one alone. Each takes an equal share of every batch. */
  processes: readonly ProcessSetup[] | null;
  /** Number of parameters that train in at least one stage. */
  trainableParameters: number;
  totalParameters: number;
  /** The stages of the training in their order. */
  stages: readonly StageSetup[];
  /** Weight of each class in the loss; null if all count the same. */
  classWeights: Record<string, number> | null;
  /**
   * The validation figure that decides the best epoch, early stopping and the schedule plateau; null if accuracy decides
   * the best epoch, and loss the others.
   */
  monitor: Monitor | null;
}

/** What the folds of a run came to. */
export interface RunFolds extends FoldsSummary {
  /** Over all images, each judged by the model that has not seen it. */
  outOfFold: { accuracy: number; loss: number; count: number };
}

/** Runs that were `aborted` or `failed` keep the epochs that were complete. */
export type StoppedBecause = FitResult['stoppedBecause'] | 'aborted' | 'failed';

/** The content of results.json. */
export interface RunResults extends RunSetup {
  formatVersion: typeof FORMAT_VERSION;
  epochs: EpochMetrics[];
  best: BestEpoch | null;
  seconds: { total: number; features: number; training: number };
  imagesPerSecond: number;
  stoppedBecause: StoppedBecause;
  /** Every point at which the run was resumed from a checkpoint. */
  resumed: readonly ResumePoint[];
  /** Present for a cross-validated run, whose other results are those of the last training, on all images. */
  folds?: RunFolds;
  /** How the best model was calibrated; null if it was not. */
  calibration: Calibration | null;
  /** Present for a failed run only. */
  error?: { code: string; message: string };
}
