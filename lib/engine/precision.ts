import { loadEngine } from './engine.ts';
import type { EngineInfo } from './native.ts';
import type { Computation, Kernels, Precision } from './native-computation.ts';

export interface PrecisionChoice {
  precision: Precision;
  /** Why, as a part of a sentence: `the processor has AVX512_BF16`. */
  reason: string;
}

/**
 * Resolves `--precision auto` for a device (`cpu`, `cuda` or `cuda:N`): bf16 if the hardware supports it, else fp32,
 * since emulated bf16 is slower.
 */
export function choosePrecision(info: EngineInfo, device: string): PrecisionChoice {
  return device === 'cpu' ? forProcessor(info.cpu) : forGpu(info.cuda, device);
}

/**
 * Resolves precision, threads and kernels for work on a device.
 *
 * @param defaultThreads number of threads if none is given; default that of the engine
 */
export function computationOf(
  {
    precision,
    threads,
    kernels,
  }: { precision: 'auto' | Precision; threads?: number | undefined; kernels: Kernels },
  device: string,
  defaultThreads?: number,
): Required<Computation> {
  const info = loadEngine().info();
  return {
    precision: precision === 'auto' ? choosePrecision(info, device).precision : precision,
    threads: threads ?? defaultThreads ?? info.threads,
    kernels,
  };
}

function forProcessor({ amxBf16, avx512Bf16 }: EngineInfo['cpu']): PrecisionChoice {
  if (amxBf16) return { precision: 'bf16', reason: 'the processor has AMX_BF16' };
  if (avx512Bf16) return { precision: 'bf16', reason: 'the processor has AVX512_BF16' };
  return { precision: 'fp32', reason: 'the processor has neither AVX512_BF16 nor AMX_BF16' };
}

function forGpu({ bf16 }: EngineInfo['cuda'], device: string): PrecisionChoice {
  if (bf16) return { precision: 'bf16', reason: `${device} supports bf16` };
  return { precision: 'fp32', reason: `${device} does not support bf16` };
}
