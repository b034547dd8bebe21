import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readImageList } from '../../../lib/data/image-list.ts';
import { rowsOf } from '../list-rows.ts';
import type { Target } from '../target.ts';

type Line = Record<string, unknown>;

export const target: Target = {
  refusals: ['DATA_INVALID'],
  async read(bytes, directory) {
    const path = join(directory, 'list.jsonl');
    writeFileSync(path, bytes);
    const rows = rowsOf(await readImageList(path));
    assert.ok(isUtf8(bytes), 'a list is a text');
    const lines = Buffer.from(bytes)
      .toString()
      .split('\n')
      .filter((line) => line.trim() !== '');
    const expected = lines.map((line) => {
      const values = JSON.parse(line, requireExact) as Line;
      const [name, label] = [field(values, 'path'), field(values, 'label')];
      return [resolve(directory, String(name)), String(label).normalize('NFC')];
    });
    assert.deepEqual(rows.map(({ path, label }) => [path, label]).sort(), expected.sort());
  },
};

/** A number that is rounded may be another image's label or group. */
function requireExact(key: string, value: unknown): unknown {
  if (/^(label|group)$/i.test(key) && Number.isInteger(value))
    assert.ok(Number.isSafeInteger(value), `${key} is rounded to ${value}`);
  return value;
}

/** The value under a name in any case, of which there is one. */
function field(line: Line, name: string): unknown {
  const values = Object.entries(line).filter(([key]) => key.normalize('NFC').trim().toLowerCase() === name);
  assert.equal(values.length, 1, `one ${name} in ${JSON.stringify(line)}`);
  return values[0]?.[1];
}
