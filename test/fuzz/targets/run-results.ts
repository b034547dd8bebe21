import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { finishedResults } from '../../../lib/experiments/run-config.ts';
import { readRunWith } from '../run-file.ts';
import type { Target } from '../target.ts';

/** The input is the results.json of a run. */
export const target: Target = {
  refusals: ['RUN_INVALID'],
  async read(bytes, directory) {
    const run = await readRunWith('results.json', bytes, directory);
    assert.ok(isUtf8(bytes), 'JSON is a text');
    await finishedResults(directory, [{ epochs: 1 }]);
    const copy = Buffer.from(JSON.stringify({ formatVersion: 1, ...run }));
    assert.deepEqual(await readRunWith('results.json', copy, directory), run);
  },
};
