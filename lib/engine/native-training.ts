/*
 * What the native engine takes for a training, and what it tells of one.
 */

import type { Computation, HostTensor, SharedWork } from './native-computation.ts';

export interface OptimizerOptions {
  type: 'adam' | 'adamw' | 'sgd';
  /** Used by Adam and AdamW. */
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Used by SGD. */
  momentum: number;
  nesterov: boolean;
  /** Added to the gradient by Adam and SGD; AdamW shrinks the weights by it. */
  weightDecay: number;
  /** Whether weight decay applies to one-dimensional parameters (norms and biases) too. */
  decayNormsAndBiases: boolean;
}

/** How a stage's learning rates change from step to step. */
export interface ScheduleOptions {
  type: 'constant' | 'cosine' | 'one-cycle' | 'step' | 'plateau';
  /** Number of epochs, possibly fractional, in which the rate rises linearly before the schedule begins. */
  warmupEpochs: number;
  /** Final rate of `cosine`; lower bound of `plateau` and `step`. */
  minLearningRate: number;
  /** `step` multiplies the rate by `stepFactor` every `stepEpochs` epochs. */
  stepEpochs: number;
  stepFactor: number;
  /** Keras' ReduceLROnPlateau on the validation loss or the monitored figure. */
  plateauFactor: number;
  plateauPatience: number;
}

/** A stage of a training: its layers, epochs and optimisation. Each stage starts with a fresh optimiser. */
export interface StageOptions {
  epochs: number;
  /** Full names of the leaf layers that train; all others are frozen. null changes nothing. */
  trainable: string[] | null;
  optimizer: OptimizerOptions;
  learningRate: number;
  /** Leaf layers with their own learning rate, which the schedule scales in the same way. */
  layerLearningRates: Array<{ layers: string[]; learningRate: number }>;
  schedule: ScheduleOptions;
  /** Watches the validation loss or the monitored figure; null disables early stopping. */
  earlyStopping: { patience: number; minDelta: number } | null;
  /** Under which keys the features of this stage's frozen layers are kept; null keeps none. */
  featureKeys: FeatureKeys | null;
}

/** Under which keys features are kept for later trainings. */
export interface FeatureKeys {
  /**
   * The section of the backbone after which features are taken, such as `denseblock3`, or the first layer of the head;
   * it and all before it are frozen.
   */
  cut: string;
  /** What determines the features besides the images, in words: one line of JSON. */
  about: string;
  train: SetKeys;
  valid: SetKeys;
}

/** Keys of the features of a set. */
export interface SetKeys {
  /** SHA-256 in hexadecimal of all that determines the features besides the images. */
  origin: string;
  /** uint8 `[count, 16]`: a key for each image, the same for the same image. */
  images: Uint8Array;
}

/** The feature cache keeps the outputs of the frozen layers, so that those run once per image. */
export interface FeatureCacheOptions {
  /** Directory of features that are not kept and do not fit in memory. */
  directory: string;
  /** Largest number of bytes of features in memory. */
  memoryLimit: number;
  /** Where features are kept for later trainings; null keeps none. */
  kept: KeptFeatures | null;
}

/** A directory of kept features. */
export interface KeptFeatures {
  directory: string;
  /**
   * Largest number of bytes of all files in torch-tl's own directory, in which a training keeps what it can; null for
   * the user's directory, which has no limit and must be writable.
   */
  limit: number | null;
}

/** Augmentations, drawn for every batch and applied in this order. null or 0 disables one. */
export interface AugmentationOptions {
  /** Fraction of the area and aspect ratio, as in torchvision's RandomResizedCrop. */
  randomResizedCrop: { scale: [number, number]; ratio: [number, number] } | null;
  /** A crop of the original size from the image with a black border of `padding` times its side. */
  randomCrop: { padding: number } | null;
  /** Probability of a horizontal flip. */
  horizontalFlip: number;
  /** As torchvision's ColorJitter: factors from `1 - value` to `1 + value`, hue in turns. */
  colorJitter: { brightness: number; contrast: number; saturation: number; hue: number } | null;
  /** Probability of filling a rectangle with the mean colour; scale and ratio as in torchvision's RandomErasing. */
  randomErasing: { probability: number; scale: [number, number]; ratio: [number, number] } | null;
  /** Alpha of the beta distribution. If both mixup and cutmix are set, each batch draws one of them. */
  mixup: number;
  cutmix: number;
}

export interface TrainOptions extends Computation, SharedWork {
  batchSize: number;
  seed: number;
  /** null disables the cache: the frozen layers run in every epoch. */
  featureCache: FeatureCacheOptions | null;
  stages: StageOptions[];
  labelSmoothing: number;
  /** One weight per class, in the order of the classes. */
  classWeights: number[] | null;
  /** Upper bound of the L2 norm of all gradients taken as one vector. */
  clipNorm: number | null;
  gradientAccumulationSteps: number;
  emaDecay: number | null;
  /**
   * Decides the best epoch, early stopping and the schedule `plateau`. null: the best epoch has the highest accuracy,
   * and the others watch the loss.
   */
  monitor: 'loss' | 'accuracy' | 'balanced-accuracy' | 'macro-f1' | null;
  /** Applied to training images; their features are then not cached. */
  augmentation: AugmentationOptions | null;
  /**
   * Whether checkpoints are taken: after every epoch, every `checkpointSeconds` seconds, and when the training ends or
   * is stopped. While the previous checkpoint is not released, the next one waits.
   */
  checkpoints: boolean;
  checkpointSeconds: number | null;
}

/** The state of a training after `epoch` epochs and `batch` batches of the next epoch. */
export interface NativeCheckpoint {
  epoch: number;
  batch: number;
  /** Number of tensors. */
  count: number;
  /** The tensors from `begin` to before `end`; copying all at once would block the event loop. */
  tensors(begin: number, end: number): HostTensor[];
  /** Allows the next checkpoint to be taken; harmless at any time. */
  release(): void;
}

/** `Valid` is the type of validation metrics: number where there are validation images, null where there are none. */
export interface EpochMetrics<Valid extends number | null = number | null> {
  /** Counted from 1 through all stages. */
  epoch: number;
  /** Counted from 1. */
  stage: number;
  /** Learning rate at the epoch's last step. */
  lr: number;
  trainLoss: number;
  trainAccuracy: number;
  /** null, as the accuracy, if nothing is validated. */
  validLoss: Valid;
  validAccuracy: Valid;
  /** The figure that `monitor` names, if it is neither loss nor accuracy and there are validation images. */
  monitored?: number;
  seconds: number;
  /** Whether it was the best epoch so far. Of several the last is the best; if nothing is validated, each is. */
  best: boolean;
}

export type TrainEvent =
  /**
   * Sent before the features of a set are computed, or once they were found in a file; and again where those of
   * torch-tl's own cache cannot be written after all.
   */
  | {
      type: 'cache';
      part: 'train' | 'valid';
      cut: string;
      place: 'device' | 'memory' | 'file';
      bytes: number;
      /** Number of images in the set. */
      images: number;
      /** Number of images whose features are computed for this set; fewer than `images` where kept files have some. */
      computed: number;
      /** Whether kept files have the features of all images. */
      reused: boolean;
      /** Directory in which the features are kept for later trainings; null if they are for this training alone. */
      kept: string | null;
      /** Why they are not kept, as a clause; null if they are, or were not to be. */
      whyNotKept: string | null;
      /** Why the features are in this place, and why an existing file is replaced. */
      reason: string;
    }
  | { type: 'stage'; stage: number; stages: number; trainableParameters: number }
  | { type: 'features'; done: number; total: number; seconds: number }
  | {
      type: 'batch';
      epoch: number;
      batch: number;
      batches: number;
      loss: number;
      accuracy: number;
      imagesPerSecond: number;
    }
  /** `NativeModel.checkpoint()` returns a new checkpoint. */
  | { type: 'checkpoint' }
  /** If the epoch is the best so far, `NativeModel.best()` now returns its weights. */
  | ({ type: 'epoch' } & EpochMetrics);

export interface TrainResult {
  stoppedBecause: 'epochs' | 'early-stopping';
  seconds: { total: number; features: number; training: number };
  /** Training images that passed through the trained layers per second, averaged over the epochs. */
  imagesPerSecond: number;
}

/** One step of a learning-rate search. */
export interface LearningRatePoint {
  learningRate: number;
  /** Loss of the step's batch, before the weights are updated. */
  loss: number;
  /** Exponential moving average of the losses, with a weight of 0.98 for earlier steps. */
  smoothedLoss: number;
}
