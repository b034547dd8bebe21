import { expect, test } from 'vitest';
import { nativeCheck } from '../support/native-check.ts';

/*
 * Not on a GPU: the order of work of the executors for GPUs, over LibTorch's operators and over the loops of their kernels,
 * both on a processor. What differs on a GPU are launches.
 */
test('the executors for GPUs compute what the layers and the executors for processors compute', () => {
  expect(nativeCheck('check-gpu')).toMatch(/\nthey agree\n$/);
});
