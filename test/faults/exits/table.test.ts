import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../../lib/support/package-root.ts';
import { exitsTable, MARKS } from './table.ts';

test('docs/reliability.md has the table of what the tests expect', async () => {
  const page = join(packageRoot, 'docs', 'reliability.md');
  const text = readFileSync(page, 'utf8');
  const [begin, end] = MARKS.map((mark) => text.indexOf(mark)) as [number, number];
  expect(begin).toBeGreaterThan(0);
  expect(end).toBeGreaterThan(begin);
  const current = `${text.slice(0, begin)}${MARKS[0]}\n\n${exitsTable()}\n\n${text.slice(end)}`;
  await expect(current).toMatchFileSnapshot(page);
});
