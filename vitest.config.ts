import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/compile.ts',
    // Each file is a process of its own, so that none shares native state. Two at a time: each trains on every
    // core, but many tests wait for disks and other processes.
    pool: 'forks',
    maxWorkers: 2,
    // OpenMP's waiting threads would spin, and take the cores from the file beside.
    // And on a GPU fp32 means fp32: PyTorch, and so torch-tl, lets its convolutions round to TF32.
    env: { OMP_WAIT_POLICY: 'PASSIVE', NVIDIA_TF32_OVERRIDE: '0' },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
