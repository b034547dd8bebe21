import { expect, test } from 'vitest';
import { nativeCheck } from '../support/native-check.ts';

test('jobs, events, tensors and the shares of a step cross threads whole', () => {
  expect(nativeCheck('check-threads')).toBe('engine thread: right\nallocator: right\nexecutors: right\n');
});
