import { expect, test } from 'vitest';
import { loadEngine } from '../../lib/engine/engine.ts';
import { nativeCheck } from '../support/native-check.ts';

test('every kernel computes what its header says, with every instruction set of this processor', () => {
  const sets = loadEngine().info().cpu.kernels;
  expect(nativeCheck('check-kernels')).toBe(sets.map((set) => `${set}: as its headers say\n`).join(''));
});
