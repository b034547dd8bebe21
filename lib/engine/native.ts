/*
 * The interface of the native engine: types of its arguments and results. lib/engine/engine.ts loads it.
 */

import type { JoinOptions, NativeGroup } from './native-group.ts';

export type Precision = 'fp32' | 'bf16';
/**
 * `auto`, the default: the engine's own kernels where the processor supports them. `libtorch`: only LibTorch's
 * operators.
 */
export type Kernels = 'auto' | 'libtorch';
export type TensorType = 'float16' | 'bfloat16' | 'float32' | 'float64' | 'int64' | 'uint8';

/** Work in which all processes of a job take part. */
export interface SharedWork {
  /** The processes; null or absent if this one works alone. */
  group?: NativeGroup | null;
}

/** How a job computes. The settings apply to one job; the engine does not keep them. */
export interface Computation {
  precision: Precision;
  /** Number of CPU threads; default `EngineInfo.threads`. */
  threads?: number;
  kernels?: Kernels;
}

/** A tensor on the host: contiguous, row-major, little-endian. */
export interface HostTensor {
  name: string;
  dtype: TensorType;
  shape: number[];
  data: Uint8Array;
}

/** One layer of a head. lib/options/head.ts declares the form that users write. */
export type NativeHeadLayer =
  | { type: 'globalAveragePool' | 'flatten' | 'batchNorm' | 'relu' }
  | { type: 'dense'; units: number }
  | { type: 'dropout'; rate: number };

export interface ModelOptions {
  /** Side of the square images in pixels, at least 32. */
  imageSize: number;
  head: NativeHeadLayer[];
  /** Seed of the initial weights, drawn from torchvision's distributions in torchvision's order. */
  seed: number;
  /** Mean and standard deviation per channel (R, G, B) of pixels scaled to 0..1. */
  mean: readonly number[];
  std: readonly number[];
  /** `cpu` or `cuda:N`. */
  device: string;
}

export interface DatasetOptions {
  /** uint8 `[count, height, width, 3]`, R, G, B. */
  pixels: Uint8Array;
  /** int64 `[count]`; needed for training only. */
  labels?: BigInt64Array;
  height: number;
  width: number;
  device: string;
}

export interface StoredDatasetOptions {
  /** Path of a file that holds only uint8 `[images, height, width, 3]`, R, G, B. It must not change. */
  file: string;
  /** int64 `[count]`: indices of the images to use, from 0. */
  places: BigInt64Array;
  /** int64 `[count]`; needed for training only. */
  labels?: BigInt64Array;
  height: number;
  width: number;
  /** A GPU gets a copy of all images if they fit, else each batch. */
  device: string;
}

export interface LayerDescription {
  name: string;
  type: string;
  /** Shape for one image, without the batch dimension: `[channels, height, width]` or `[features]`. */
  outputShape: number[];
  parameters: number;
  trainable: boolean;
}

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
  /** Sent before the features of a set are computed, or once they were found in a file. */
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

/** A job on the engine's thread. */
export interface Job<T> {
  /** Rejects with code `ABORTED` after `abort()`. */
  result: Promise<T>;
  /** Stops the job at the next batch. */
  abort(): void;
}

export interface ExtractionOptions extends Computation, SharedWork {
  batchSize: number;
}

/** Numbers of images. */
export interface ExtractionProgress {
  done: number;
  total: number;
}

export interface NativeDataset {
  readonly count: number;
  dispose(): void;
}

export interface NativeModel {
  /** Every parameter and buffer under torchvision's name, without data. */
  tensors(): Array<{ name: string; dtype: TensorType; shape: number[] }>;
  /** Copies the given tensors into the model. Their names and shapes must be among `tensors()`. */
  load(tensors: HostTensor[]): Job<void>;
  /** Copies of every parameter and buffer, floats as float32. */
  state(): Job<HostTensor[]>;
  /** As `state`, for the best epoch of the last `train`. Synchronous; may be called while `train` runs. */
  best(): HostTensor[];
  /**
   * Logits of the best epoch for the validation images, in their order: float32 `[count, classes]`. Synchronous. null
   * before the first epoch ends, without validation images, and after resuming from a checkpoint that holds none.
   */
  bestLogits(): HostTensor | null;
  /** The newest checkpoint of the last `train`. Synchronous; may be called while `train` runs. */
  checkpoint(): NativeCheckpoint | null;
  /**
   * Freezes or unfreezes the leaf layers under these dotted names. Returns the number of layers that each name matched.
   */
  setTrainable(names: string[], trainable: boolean): Job<number[]>;
  describe(): Job<LayerDescription[]>;
  /** Output of the backbone after norm5 and ReLU: float32 `[count, 1024, h, w]`, in the order of the data. */
  features(
    data: NativeDataset,
    options: ExtractionOptions,
    onProgress: (progress: ExtractionProgress) => void,
  ): Job<HostTensor>;
  /** Output of the head: float32 `[count, classes]`, in the order of the data. */
  logits(
    data: NativeDataset,
    options: ExtractionOptions,
    onProgress: (progress: ExtractionProgress) => void,
  ): Job<HostTensor>;
  /**
   * Grad-CAM: maps float32 `[count, h, w]`, at least 0, and logits float32 `[count, classes]`, both in the order of the
   * data.
   *
   * @param classes class to map for each image, int64 `[count]`; null maps each image's most probable class
   */
  gradCam(
    data: NativeDataset,
    options: ExtractionOptions,
    classes: BigInt64Array | null,
  ): Job<{ maps: HostTensor; logits: HostTensor }>;
  /** Logits of preprocessed images: float32 `[n, 3, side, side]` in, float32 `[n, classes]` out. */
  forward(input: HostTensor, computation: Computation): Job<HostTensor>;
  /**
   * Augments the whole set as one training batch, drawn with `seed`: images float32 `[n, 3, side, side]`, normalised;
   * targets int64 `[n]`, or float32 `[n, classes]` after mixup or cutmix.
   */
  augmented(
    data: NativeDataset,
    options: { augmentation: AugmentationOptions; seed: number; precision: Precision },
  ): Job<{ images: HostTensor; targets: HostTensor }>;
  /** Loss and gradients of the whole set as one training batch. The weights do not change. */
  gradients(
    data: NativeDataset,
    options: Computation & { seed: number },
  ): Job<{ loss: number; gradients: HostTensor[] }>;
  /**
   * Trains the model, which holds the best epoch's weights afterwards. With `valid` null nothing is validated.
   * `checkpoint` holds the tensors of a checkpoint of the same training to resume, or is empty. Rejects with
   * `CHECKPOINT_INVALID` if it does not fit.
   */
  train(
    train: NativeDataset,
    valid: NativeDataset | null,
    options: TrainOptions,
    onEvent: (event: TrainEvent) => void,
    checkpoint: HostTensor[],
  ): Job<TrainResult>;
  /**
   * Trains by the first stage's options with a rising learning rate, and restores the model afterwards. Batches are
   * reported as those of one epoch.
   */
  findLearningRate(
    train: NativeDataset,
    options: TrainOptions,
    range: { start: number; end: number; steps: number },
    onEvent: (event: TrainEvent) => void,
  ): Job<LearningRatePoint[]>;
  dispose(): void;
}

export interface GpuDescription {
  /** Name from the driver, such as `NVIDIA H100 80GB HBM3`; empty if unknown. */
  name: string;
  /** Total memory in bytes; 0 if unknown. */
  memory: number;
}

export interface EngineInfo {
  /** The LibTorch version that the engine was built for, such as `2.13.0`. */
  builtFor: string;
  /** Default number of CPU threads of a job. */
  threads: number;
  cpu: {
    capability: string;
    avx2: boolean;
    avx512: boolean;
    avx512Bf16: boolean;
    amxBf16: boolean;
    /** Instruction sets of the executors' kernels, the one in use first. */
    kernels: string[];
  };
  cuda: CudaInfo;
  /** Whether this build can join the processes of a job. */
  joinsProcesses: boolean;
}

export interface CudaInfo {
  /** The CUDA version that LibTorch is built for, such as `13.0`; null for a CPU build. */
  built: string | null;
  /** The newest CUDA version that NVIDIA's driver supports; null without a driver or if `built` is null. */
  driver: string | null;
  /** The GPUs that LibTorch can use, the first `cuda:0`. */
  devices: GpuDescription[];
  /** Whether the GPUs support bfloat16. */
  bf16: boolean;
  /** Whether steps run as CUDA graphs. */
  graphs: boolean;
}

export interface Engine {
  /** The version of the loaded LibTorch, such as `2.13.0+cpu`. */
  readonly libtorch: string;
  info(): EngineInfo;
  createModel(options: ModelOptions): Job<NativeModel>;
  createDataset(options: DatasetOptions): Job<NativeDataset>;
  openDataset(options: StoredDatasetOptions): Job<NativeDataset>;
  /** Rejects with `JOIN_FAILED`, naming the rank, address or port at fault. */
  joinGroup(options: JoinOptions): Job<NativeGroup>;
}
