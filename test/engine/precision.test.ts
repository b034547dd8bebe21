import { describe, expect, test } from 'vitest';
import type { EngineInfo } from '../../lib/engine/native.ts';
import { choosePrecision } from '../../lib/engine/precision.ts';

describe('choosePrecision', () => {
  test.each([
    ['AMX_BF16', { amxBf16: true, avx512Bf16: true }, 'bf16', 'the processor has AMX_BF16'],
    ['AVX512_BF16', { avx512Bf16: true }, 'bf16', 'the processor has AVX512_BF16'],
    ['neither', { avx512: true }, 'fp32', 'the processor has neither AVX512_BF16 nor AMX_BF16'],
  ])('on a processor with %s', (_, cpu, precision, reason) => {
    expect(choosePrecision(info({ cpu }), 'cpu')).toEqual({ precision, reason });
  });

  test('goes by the GPU on a GPU', () => {
    const amx = { amxBf16: true };
    expect(
      choosePrecision(
        info({ cuda: { devices: [{ name: 'GPU', memory: 1e9 }], bf16: true, graphs: true, kernels: '' } }),
        'cuda:0',
      ),
    ).toEqual({
      precision: 'bf16',
      reason: 'cuda:0 supports bf16',
    });
    expect(
      choosePrecision(info({ cpu: amx, cuda: { devices: [{ name: 'GPU', memory: 1e9 }] } }), 'cuda:0'),
    ).toEqual({
      precision: 'fp32',
      reason: 'cuda:0 does not support bf16',
    });
  });

  function info({
    cpu = {},
    cuda = {},
  }: {
    cpu?: Partial<EngineInfo['cpu']>;
    cuda?: Partial<EngineInfo['cuda']>;
  }) {
    const none = {
      capability: 'DEFAULT',
      avx2: false,
      avx512: false,
      avx512Bf16: false,
      amxBf16: false,
      kernels: [],
    };
    return {
      builtFor: '2.13.0',
      threads: 2,
      cpu: { ...none, ...cpu },
      cuda: { built: null, driver: null, devices: [], bf16: false, graphs: false, kernels: '', ...cuda },
      memory: { tensors: 0, tensorBytes: 0, cachedBytes: 0, mallocBytes: null },
      joinsProcesses: true,
    };
  }
});
