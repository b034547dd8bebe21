import { describe, expect, test } from 'vitest';
import { chooseDevice, unusedGpu } from '../../lib/engine/device.ts';
import { loadEngine } from '../../lib/engine/engine.ts';

const GPU = { name: 'NVIDIA H100 80GB HBM3', memory: 85e9 };
const NONE = { devices: [], bf16: false, graphs: false, kernels: '' };
const CPU_BUILD = { cuda: { built: null, driver: null, ...NONE } };
const NO_DRIVER = { cuda: { built: '13.0', driver: null, ...NONE } };
const OLD_DRIVER = { cuda: { built: '13.0', driver: '9.2', ...NONE } };
const NO_GPU = { cuda: { built: '12.8', driver: '12.4', ...NONE } };
const TWO_GPUS = {
  cuda: { built: '12.8', driver: '13.0', devices: [GPU, GPU], bf16: true, graphs: true, kernels: '' },
};

describe('chooseDevice', () => {
  test('chooses the first GPU by itself, and the processor where there is none', () => {
    expect(chooseDevice('auto', TWO_GPUS)).toBe('cuda:0');
    expect(chooseDevice('auto', NO_GPU)).toBe('cpu');
    expect(chooseDevice('auto', CPU_BUILD)).toBe('cpu');
  });

  test('keeps to what was asked for', () => {
    expect(chooseDevice('cpu', TWO_GPUS)).toBe('cpu');
    expect(chooseDevice('cuda', TWO_GPUS)).toBe('cuda:0');
    expect(chooseDevice('cuda:1', TWO_GPUS)).toBe('cuda:1');
  });

  test('says why a GPU cannot be used', () => {
    const unavailable = (reason: string) =>
      expect.objectContaining({ code: 'CUDA_UNAVAILABLE', message: expect.stringContaining(reason) });
    expect(() => chooseDevice('cuda', CPU_BUILD)).toThrow(unavailable('this LibTorch is a CPU build'));
    expect(() => chooseDevice('cuda', NO_DRIVER)).toThrow(
      unavailable('built for CUDA, but there is no driver'),
    );
    expect(() => chooseDevice('cuda', NO_GPU)).toThrow(unavailable('no GPU was found'));
    expect(() => chooseDevice('cuda:2', TWO_GPUS)).toThrow(unavailable('the last GPU is cuda:1'));
  });

  test('has a code of its own for a driver that is too old, and what helps', () => {
    expect(() => chooseDevice('cuda', OLD_DRIVER)).toThrow(
      expect.objectContaining({
        code: 'CUDA_DRIVER_TOO_OLD',
        message: expect.stringMatching(
          /built for CUDA 13\.0, but the driver only supports CUDA 9\.2: update .* --version 2\.13\.0\+cu126`/,
        ),
      }),
    );
  });

  test.each(['gpu', 'cuda:x', 'cuda:1.5', ''])("refuses '%s'", (device) => {
    expect(() => chooseDevice(device, TWO_GPUS)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});

describe('unusedGpu', () => {
  // Any file will do for the driver's.
  const driver = import.meta.filename;

  test('says why, where there is a driver and no GPU is used', () => {
    expect(unusedGpu(CPU_BUILD, driver)).toContain('this LibTorch is a CPU build');
    expect(unusedGpu(OLD_DRIVER, driver)).toContain('update NVIDIA');
  });

  test('says nothing where a GPU is used, and where there is no driver', () => {
    expect(unusedGpu(TWO_GPUS, driver)).toBeNull();
    expect(unusedGpu(CPU_BUILD, '/nowhere/version')).toBeNull();
  });
});

test('what LibTorch throws in a call is an error, and not the end of the process', () => {
  const model = { ...{ imageSize: 32, head: [], seed: 0, mean: [0, 0, 0], std: [1, 1, 1] } } as const;
  expect(() => loadEngine().createModel({ ...model, device: 'abacus' })).toThrow(/abacus/);
});
