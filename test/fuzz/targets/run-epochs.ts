import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { readRunWith } from '../run-file.ts';
import type { Target } from '../target.ts';

/** The input is the epochs.jsonl of a run that has not ended. */
export const target: Target = {
  refusals: ['RUN_INVALID'],
  async read(bytes, directory) {
    const { epochs } = await readRunWith('epochs.jsonl', bytes, directory, { results: null });
    assert.ok(isUtf8(bytes), 'JSON is a text');
    const lines = Buffer.from(bytes).toString().split('\n').slice(0, -1);
    assert.equal(epochs.length, lines.length, 'every whole line is an epoch');
    for (const [index, { best: _, ...epoch }] of epochs.entries()) {
      const { best: __, ...line } = JSON.parse(lines[index] as string) as Record<string, unknown>;
      for (const [name, value] of Object.entries(epoch)) assert.deepEqual(value, line[name]);
    }
    const copy = Buffer.from(epochs.map((epoch) => `${JSON.stringify(epoch)}\n`).join(''));
    assert.deepEqual((await readRunWith('epochs.jsonl', copy, directory, { results: null })).epochs, epochs);
  },
};
