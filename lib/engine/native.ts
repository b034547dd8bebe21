/*
 * The interface of the native engine: types of its arguments and results; those of a training are in native-training.ts.
 * lib/engine/engine.ts loads it.
 */

import type { Computation, HostTensor, Precision, SharedWork, TensorType } from './native-computation.ts';
import type { JoinOptions, NativeGroup } from './native-group.ts';
import type {
  AugmentationOptions,
  LearningRatePoint,
  NativeCheckpoint,
  TrainEvent,
  TrainOptions,
  TrainResult,
} from './native-training.ts';

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
  memory: {
    /** Number of CPU tensors that are alive; those that share memory count as one. 0 where malloc has them. */
    tensors: number;
    /** 0 where `TORCH_TL_ALLOCATOR=system` leaves tensors to malloc. */
    tensorBytes: number;
    /** Memory in bytes that is kept for the next tensors. */
    cachedBytes: number;
    /** Memory in bytes that malloc has handed out to the whole process; null where the C library does not tell. */
    mallocBytes: number | null;
  };
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
  /** The compute capabilities that the engine has kernels of its own for, such as `80 90`; empty without any. */
  kernels: string;
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
