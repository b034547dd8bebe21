/*
 * How the native engine computes, and the tensors that cross to it and back.
 */

import type { NativeGroup } from './native-group.ts';

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
