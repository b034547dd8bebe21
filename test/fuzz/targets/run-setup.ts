import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { readRunWith } from '../run-file.ts';
import type { Target } from '../target.ts';

/** The input is the config.json of a run that is reported. */
export const target: Target = {
  refusals: ['RUN_INVALID'],
  async read(bytes, directory) {
    const run = await readRunWith('config.json', bytes, directory);
    assert.ok(isUtf8(bytes), 'JSON is a text');
    const copy = Buffer.from(JSON.stringify({ formatVersion: 1, ...run }));
    const again = await readRunWith('config.json', copy, directory);
    assert.deepEqual({ ...again, config: '' }, { ...run, config: '' });
  },
};
