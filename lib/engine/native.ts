/*
 * What the engine is to the rest of the library: the types of what it takes and gives. lib/engine/engine.ts loads it.
 */

export type Precision = 'fp32' | 'bf16';
/** The engine's own kernels where there are some (`auto`, the default), or LibTorch's operators alone. */
export type Kernels = 'auto' | 'libtorch';
export type TensorType = 'float16' | 'bfloat16' | 'float32' | 'float64' | 'int64' | 'uint8';

/** How a piece of work computes. The engine keeps none of it for the next. */
export interface Computation {
  precision: Precision;
  /** By default as many as `EngineInfo.threads`. */
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

/** One layer of a head; see lib/options/head.ts for what users write. */
export type NativeHeadLayer =
  | { type: 'globalAveragePool' | 'flatten' | 'batchNorm' | 'relu' }
  | { type: 'dense'; units: number }
  | { type: 'dropout'; rate: number };

export interface ModelOptions {
  /** Side of the square images in pixels, at least 32. */
  imageSize: number;
  head: NativeHeadLayer[];
  /** Draws torchvision's initial weights in torchvision's order. */
  seed: number;
  /** Mean and standard deviation a channel (R, G, B), of pixels scaled to 0..1. */
  mean: readonly number[];
  std: readonly number[];
  /** `cpu` or `cuda:N`. */
  device: string;
}

export interface DatasetOptions {
  /** uint8 `[count, height, width, 3]`, R, G, B. */
  pixels: Uint8Array;
  /** int64 `[count]`. */
  labels: BigInt64Array;
  height: number;
  width: number;
  device: string;
}

export interface StoredDatasetOptions {
  /** Of uint8 `[images, height, width, 3]`, R, G, B, and nothing else; it must stay as it is. */
  file: string;
  /** int64 `[count]`: which of the images, from 0 on. */
  places: BigInt64Array;
  /** int64 `[count]`. */
  labels: BigInt64Array;
  height: number;
  width: number;
  /** A GPU gets a copy where it has room for one, else each batch. */
  device: string;
}

export interface LayerDescription {
  name: string;
  type: string;
  /** Of one image, without the batch dimension: `[channels, height, width]` or `[features]`. */
  outputShape: number[];
  parameters: number;
  trainable: boolean;
}

export interface OptimizerOptions {
  type: 'adam' | 'adamw' | 'sgd';
  /** Adam's and AdamW's. */
  beta1: number;
  beta2: number;
  epsilon: number;
  /** SGD's. */
  momentum: number;
  nesterov: boolean;
  /** Adam and SGD add it to the gradient, AdamW shrinks the weights by it. */
  weightDecay: number;
  /** Whether it reaches one-dimensional parameters (norms and biases) too. */
  decayNormsAndBiases: boolean;
}

/** What a stage's learning rates are multiplied by in the course of its steps. */
export interface ScheduleOptions {
  type: 'constant' | 'cosine' | 'one-cycle' | 'step' | 'plateau';
  /** The rate rises linearly over so many epochs, or parts of one, before the schedule begins. */
  warmupEpochs: number;
  /** `cosine` ends at it and `plateau` and `step` never fall below it. */
  minLearningRate: number;
  /** Of `step`: every so many epochs, by which factor. */
  stepEpochs: number;
  stepFactor: number;
  /** Keras' ReduceLROnPlateau on the validation loss. */
  plateauFactor: number;
  plateauPatience: number;
}

/** A part of a training: what trains, how long and how. Each starts with a fresh optimiser. */
export interface StageOptions {
  epochs: number;
  /** Full names of the leaf layers that train, all others being frozen; null leaves it as it is. */
  trainable: string[] | null;
  optimizer: OptimizerOptions;
  learningRate: number;
  /** Leaf layers with a learning rate of their own, which the schedule scales alike. */
  layerLearningRates: Array<{ layers: string[]; learningRate: number }>;
  schedule: ScheduleOptions;
  /** On the validation loss; null trains every epoch. */
  earlyStopping: { patience: number; minDelta: number } | null;
  /** Keeps the features of this stage's frozen layers in files; null keeps none. */
  featureKeys: FeatureKeys | null;
}

/** Under which names the features at a cut are kept for later trainings: `<key>.features`. */
export interface FeatureKeys {
  /** The last section of the backbone that is frozen with all before it, such as `denseblock3`. */
  cut: string;
  train: string;
  valid: string;
}

/** Where what the frozen layers make of the images is kept, so that they run once. */
export interface FeatureCacheOptions {
  /** Of files: those that are kept, and those of what is too large for memory. */
  directory: string;
  /** Bytes of features that may be held in memory. */
  memoryLimit: number;
}

/** Drawn anew for every batch, in this order; null or 0 leaves one out. */
export interface AugmentationOptions {
  /** Share of the area and ratio of the sides, as torchvision's RandomResizedCrop. */
  randomResizedCrop: { scale: [number, number]; ratio: [number, number] } | null;
  /** A crop of the same size out of the image with a black border of this share of its side. */
  randomCrop: { padding: number } | null;
  /** Probability. */
  horizontalFlip: number;
  /** As torchvision's ColorJitter: factors from `1 - value` to `1 + value`, hue in turns. */
  colorJitter: { brightness: number; contrast: number; saturation: number; hue: number } | null;
  /** Probability of a rectangle of the mean colour; scale and ratio as torchvision's RandomErasing. */
  randomErasing: { probability: number; scale: [number, number]; ratio: [number, number] } | null;
  /** Alpha of the beta distribution; where both are given, each batch draws one of the two. */
  mixup: number;
  cutmix: number;
}

export interface TrainOptions extends Computation {
  batchSize: number;
  seed: number;
  /** null runs the frozen layers in every epoch. */
  featureCache: FeatureCacheOptions | null;
  stages: StageOptions[];
  labelSmoothing: number;
  /** One a class, in the classes' order. */
  classWeights: number[] | null;
  /** The largest norm of all gradients as one vector. */
  clipNorm: number | null;
  gradientAccumulationSteps: number;
  emaDecay: number | null;
  /** Of training images; theirs are then not cached. */
  augmentation: AugmentationOptions | null;
  /**
   * Whether checkpoints are kept: after every epoch, or as soon as the one before has been released; every so many
   * seconds, likewise; and when the work ends or is stopped.
   */
  checkpoints: boolean;
  checkpointSeconds: number | null;
}

/** The whole state of a training after `epoch` epochs and `batch` batches of the next one. */
export interface NativeCheckpoint {
  epoch: number;
  batch: number;
  /** How many tensors it has. */
  count: number;
  /** Those from `begin` to before `end`: all at once would hold the event loop up. */
  tensors(begin: number, end: number): HostTensor[];
  /** Says that it has been dealt with, so that there may be another; harmless at any time. */
  release(): void;
}

export interface EpochMetrics {
  /** Counted from 1, on from stage to stage. */
  epoch: number;
  /** Counted from 1. */
  stage: number;
  /** The learning rate of the epoch's last step. */
  lr: number;
  trainLoss: number;
  trainAccuracy: number;
  validLoss: number;
  validAccuracy: number;
  seconds: number;
}

export type TrainEvent =
  /** Before the features of a set at a cut are made, or where they were found. */
  | {
      type: 'cache';
      part: 'train' | 'valid';
      cut: string;
      place: 'device' | 'memory' | 'file';
      bytes: number;
      reused: boolean;
      /** Why there, and what was wrong with a file that is made anew. */
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
  /** There is a new `Model.checkpoint()`. */
  | { type: 'checkpoint' }
  /** `best` is true where this epoch is the best so far; its weights are then `Model.best()`. */
  | ({ type: 'epoch'; best: boolean } & EpochMetrics);

export interface TrainResult {
  stoppedBecause: 'epochs' | 'early-stopping';
  seconds: { total: number; features: number; training: number };
  /** Training images through the trained layers a second, over the epochs. */
  imagesPerSecond: number;
}

/** A step of a learning-rate search. */
export interface LearningRatePoint {
  learningRate: number;
  /** Of the step's batch, before it moved the weights. */
  loss: number;
  /** The losses so far, averaged with a weight of 0.98 for the past. */
  smoothedLoss: number;
}

/** Work on the engine's thread. */
export interface Job<T> {
  /** Rejects with code `ABORTED` after `abort()`. */
  result: Promise<T>;
  /** Stops the work at the next batch. */
  abort(): void;
}

export interface ExtractionOptions extends Computation {
  batchSize: number;
}

/** Images. */
export interface ExtractionProgress {
  done: number;
  total: number;
}

export interface NativeDataset {
  readonly count: number;
  dispose(): void;
}

export interface NativeModel {
  /** Every parameter and buffer by torchvision's name, without its data. */
  tensors(): Array<{ name: string; dtype: TensorType; shape: number[] }>;
  /** Copies the given tensors in; names and shapes must be among `tensors()`. */
  load(tensors: HostTensor[]): Job<void>;
  /** Copies of every parameter and buffer, floats as float32. */
  state(): Job<HostTensor[]>;
  /** The same of the best epoch of the last `train`, at once; may be called while it runs. */
  best(): HostTensor[];
  /**
   * What that epoch made of the validation images, in their order, at once: float32 `[count, classes]`; null before
   * an epoch has ended, and where it was before a checkpoint that has none.
   */
  bestLogits(): HostTensor | null;
  /** The newest checkpoint of the last `train`, at once; may be called while it runs. */
  checkpoint(): NativeCheckpoint | null;
  /** Freezes or unfreezes the leaf layers under these dotted names; gives how many each matched. */
  setTrainable(names: string[], trainable: boolean): Job<number[]>;
  describe(): Job<LayerDescription[]>;
  /** The backbone's last map after norm5 and ReLU: float32 `[count, 1024, h, w]`, in the data's order. */
  features(
    data: NativeDataset,
    options: ExtractionOptions,
    onProgress: (progress: ExtractionProgress) => void,
  ): Job<HostTensor>;
  /** What the head makes of them: float32 `[count, classes]`, in the data's order. */
  logits(
    data: NativeDataset,
    options: ExtractionOptions,
    onProgress: (progress: ExtractionProgress) => void,
  ): Job<HostTensor>;
  /**
   * Grad-CAM of the class that each image is labelled with, or of the likeliest where the label is -1: maps float32
   * `[count, h, w]` of at least 0, and the logits float32 `[count, classes]`, both in the data's order.
   */
  gradCam(data: NativeDataset, options: ExtractionOptions): Job<{ maps: HostTensor; logits: HostTensor }>;
  /** Logits of preprocessed images: float32 `[n, 3, side, side]` in, float32 `[n, classes]` out. */
  forward(input: HostTensor, computation: Computation): Job<HostTensor>;
  /**
   * The whole set as one training batch that was drawn with `seed`: images float32 `[n, 3, side, side]`,
   * normalised; targets int64 `[n]`, or float32 `[n, classes]` where images were mixed.
   */
  augmented(
    data: NativeDataset,
    options: { augmentation: AugmentationOptions; seed: number; precision: Precision },
  ): Job<{ images: HostTensor; targets: HostTensor }>;
  /** Loss and gradients of one training step over the whole set as one batch, without the step. */
  gradients(
    data: NativeDataset,
    options: Computation & { seed: number },
  ): Job<{ loss: number; gradients: HostTensor[] }>;
  /**
   * Afterwards the model holds the best epoch's weights. `checkpoint` holds the tensors of one of the same
   * training to go on from, or nothing; else it rejects with `CHECKPOINT_INVALID`.
   */
  train(
    train: NativeDataset,
    valid: NativeDataset,
    options: TrainOptions,
    onEvent: (event: TrainEvent) => void,
    checkpoint: HostTensor[],
  ): Job<TrainResult>;
  /**
   * Steps at rising learning rates, by the first stage; the model stays as it is. Its batches are
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
  /** As the driver has it, such as `NVIDIA H100 80GB HBM3`; empty where it does not tell. */
  name: string;
  /** Bytes in all; 0 where the driver does not tell. */
  memory: number;
}

export interface EngineInfo {
  /** The LibTorch it was built for, such as `2.13.0`. */
  builtFor: string;
  /** Of the processor, on which work computes that asks for no other number. */
  threads: number;
  cpu: {
    capability: string;
    avx2: boolean;
    avx512: boolean;
    avx512Bf16: boolean;
    amxBf16: boolean;
    /** The sets of instructions of the executors' kernels, the one in use first. */
    kernels: string[];
  };
  cuda: CudaInfo;
}

export interface CudaInfo {
  /** The CUDA that LibTorch is built for, such as `13.0`; null where it is built for the CPU alone. */
  built: string | null;
  /** The newest CUDA that NVIDIA's driver serves; null where there is no driver, or `built` is null. */
  driver: string | null;
  /** The GPUs that LibTorch can use, the first `cuda:0`. */
  devices: GpuDescription[];
  /** Whether they have bfloat16. */
  bf16: boolean;
  /** Whether steps are recorded on them and repeated. */
  graphs: boolean;
}

export interface Engine {
  /** The version of the LibTorch that is loaded, such as `2.13.0+cpu`. */
  readonly libtorch: string;
  info(): EngineInfo;
  createModel(options: ModelOptions): Job<NativeModel>;
  createDataset(options: DatasetOptions): Job<NativeDataset>;
  openDataset(options: StoredDatasetOptions): Job<NativeDataset>;
}
