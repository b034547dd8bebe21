import { loadEngine } from './engine.ts';
import type { Computation, EngineInfo, Kernels, Precision } from './native.ts';

export interface PrecisionChoice {
  precision: Precision;
  /** Why, as a sentence's end: `the processor has AVX512_BF16`. */
  reason: string;
}

/**
 * What `--precision auto` means on a device, `cpu`, `cuda` or `cuda:N`: bf16 where the hardware
 * computes in it, fp32 elsewhere, where bf16 would be emulated and slower.
 */
export function choosePrecision(info: EngineInfo, device: string): PrecisionChoice {
  return device === 'cpu' ? forProcessor(info.cpu) : forGpu(info.cuda, device);
}

/** What options of a piece of work come to on a device. */
export function computationOf(
  {
    precision,
    threads,
    kernels,
  }: { precision: 'auto' | Precision; threads?: number | undefined; kernels: Kernels },
  device: string,
): Required<Computation> {
  const info = loadEngine().info();
  return {
    precision: precision === 'auto' ? choosePrecision(info, device).precision : precision,
    threads: threads ?? info.threads,
    kernels,
  };
}

function forProcessor({ amxBf16, avx512Bf16 }: EngineInfo['cpu']): PrecisionChoice {
  if (amxBf16) return { precision: 'bf16', reason: 'the processor has AMX_BF16' };
  if (avx512Bf16) return { precision: 'bf16', reason: 'the processor has AVX512_BF16' };
  return { precision: 'fp32', reason: 'the processor has neither AVX512_BF16 nor AMX_BF16' };
}

function forGpu({ bf16 }: EngineInfo['cuda'], device: string): PrecisionChoice {
  if (bf16) return { precision: 'bf16', reason: `${device} has bf16` };
  return { precision: 'fp32', reason: `${device} has no bf16` };
}
