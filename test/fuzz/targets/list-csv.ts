import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ImageFiles } from '../../../lib/data/image-files.ts';
import { readImageList } from '../../../lib/data/image-list.ts';
import { type Row, rowsOf } from '../list-rows.ts';
import type { Target } from '../target.ts';

export const target: Target = {
  refusals: ['DATA_INVALID'],
  async read(bytes, directory) {
    const path = join(directory, 'list.csv');
    writeFileSync(path, bytes);
    const splits = await readImageList(path);
    assert.ok(isUtf8(bytes), 'a list is a text');
    const rows = rowsOf(splits);
    requireSimpleRows(Buffer.from(bytes).toString(), rows, directory);
    const copy = join(directory, 'copy.csv');
    writeFileSync(copy, `path,label,split,group\n${rows.map(csvLine).join('')}`);
    if (rows.every(isKeptByCsv)) assert.deepEqual(await readImageList(copy), renamed(splits, copy));
  },
};

/** Compares with the rows of a list without quotes, whose fields stand between commas. */
function requireSimpleRows(text: string, rows: Row[], directory: string): void {
  if (/["\r]/.test(text)) return;
  const [head = [], ...lines] = text
    .replace(/^\ufeff/, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.split(',').map((field) => field.trim()));
  const columns = head.map((name) => name.normalize('NFC').toLowerCase());
  const field = (line: string[], name: string) => line[columns.indexOf(name)] as string;
  const expected = lines.map((line) => [
    resolve(directory, field(line, 'path')),
    field(line, 'label').normalize('NFC'),
  ]);
  assert.deepEqual(rows.map(({ path, label }) => [path, label]).sort(), expected.sort());
}

function csvLine({ path, label, split, group }: Row): string {
  const quoted = [path, label, split ?? '', group ?? ''].map((field) => `"${field.replaceAll('"', '""')}"`);
  return `${quoted.join(',')}\n`;
}

/** CSV trims fields, and an empty split is none. */
function isKeptByCsv({ path, label, split }: Row): boolean {
  return split !== null && [path, label, split].every((field) => field.trim() === field);
}

function renamed(splits: Map<string | null, ImageFiles>, source: string): Map<string | null, ImageFiles> {
  return new Map([...splits].map(([name, images]) => [name, { ...images, source }]));
}
