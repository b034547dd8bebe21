import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Each file loads LibTorch and trains on every core: files run one after another, each in a
    // process of its own, so that they neither fight for the cores nor share native state.
    pool: 'forks',
    fileParallelism: false,
    // OpenMP's waiting threads would spin, and take the cores from whatever else runs beside the tests.
    env: { OMP_WAIT_POLICY: 'PASSIVE' },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
