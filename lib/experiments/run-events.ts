import { z } from 'zod';
import type { DataWarning } from '../data/data-warning.ts';
import type { DecodeReport } from '../data/image-files.ts';
import type { EpochMetrics } from '../engine/native-training.ts';
import type { Calibration } from '../model/calibration.ts';
import type { RunControlDocs } from '../options/docs.ts';
import { abortSignal, callback, flag } from '../options/index.ts';
import type {
  BatchProgress,
  CacheReport,
  FeaturesProgress,
  ResumeEvent,
  StageStart,
} from '../training/fit.ts';
import type { FoldOutcome } from '../training/folds.ts';
import type { RunSetup, StoppedBecause } from './results.ts';

/** Progress of decoding the images of a folder or list; `decoded` comes last. */
export type DecodingEvent =
  | { type: 'decoding'; done: number; total: number; seconds: number }
  | ({ type: 'decoded' } & DecodeReport);

/**
 * What a run reports: first the decoding, `data` and its warnings, then `setup`, then everything else. A run that has
 * finished before reports `finished` alone.
 */
export type RunEvent =
  /** A run was resumed that has nothing left to train. `mayGoOn` says whether it would go on with more `epochs`. */
  | { type: 'finished'; directory: string; stoppedBecause: StoppedBecause; mayGoOn: boolean }
  /**
   * A run was resumed that has no checkpoint, or the directory holds no run at all (`isNew`). In the second case `meant`
   * is a run with a similar name, if there is one.
   */
  | { type: 'afresh'; directory: string; isNew: boolean; meant: string | null }
  /** `--device auto` chose the CPU although there is an NVIDIA driver. */
  | { type: 'unused-gpu'; reason: string }
  | DecodingEvent
  | ({ type: 'data' } & Omit<RunSetup['dataset'], 'manifest'>)
  /** A possible fault of the data. */
  | ({ type: 'warning' } & DataWarning)
  | { type: 'setup'; setup: RunSetup; directory: string; epochs: number; augmented: boolean }
  /** The training of a fold begins, with so many images; `fold` is null for the last training, on all images. */
  | { type: 'fold'; fold: number | null; folds: number; train: number; valid: number }
  /** The training of a fold has ended, now or earlier. */
  | ({ type: 'fold-end'; folds: number } & FoldOutcome)
  | ResumeEvent
  | StageStart
  | CacheReport
  | FeaturesProgress
  | BatchProgress
  | ({ type: 'epoch' } & EpochMetrics)
  /** The best model was calibrated, and best.safetensors holds it so. */
  | ({ type: 'calibration' } & Calibration)
  /** Labels of `count` of the validation images look wrong; `file` lists them. */
  | { type: 'label-issues'; count: number; images: number; file: string }
  /** validation.json could not be made; the run is complete without it. */
  | { type: 'no-validation'; reason: string };

export const runControl = z.strictObject({
  resume: flag()
    .default(false)
    .describe(
      'resumes the run in `out`. Without a checkpoint there the run starts from the beginning; without a run there a new one starts if an option says what to train',
    ),
  signal: abortSignal.describe('stops the run within one batch; what was done until then is written'),
  onEvent: callback<(event: RunEvent) => void>().describe('called with all that the run reports'),
});

export type RunControl = z.input<typeof runControl> & RunControlDocs;

/** How one of several runs is started. */
export interface StartControl extends RunControl {
  /**
   * Whether a run that has ended must have had the images that its data has now, since its results are to stand beside
   * those of others.
   */
  isCompared?: boolean;
}
