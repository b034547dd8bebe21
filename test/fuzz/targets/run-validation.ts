import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { readRunWith } from '../run-file.ts';
import type { Target } from '../target.ts';

/** The input is the validation.json of a run. */
export const target: Target = {
  refusals: ['RUN_INVALID'],
  async read(bytes, directory) {
    const { validation } = await readRunWith('validation.json', bytes, directory);
    assert.ok(isUtf8(bytes), 'JSON is a text');
    const copy = Buffer.from(JSON.stringify(validation));
    assert.deepEqual((await readRunWith('validation.json', copy, directory)).validation, validation);
  },
};
