import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
    // Images of the tests are of no use to anyone afterwards.
    env: {
      OMP_WAIT_POLICY: 'PASSIVE',
      NVIDIA_TF32_OVERRIDE: '0',
      TORCH_TL_IMAGE_CACHE: join(tmpdir(), `torch-tl-test-images-${process.pid}`),
    },
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
