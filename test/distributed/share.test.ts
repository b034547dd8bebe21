import { expect, test } from 'vitest';
import { nativeCheck } from '../support/native-check.ts';

test('every image of a batch is taken by one process, and none takes a single one', () => {
  expect(nativeCheck('check-share')).toBe('');
});
