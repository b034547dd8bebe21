import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { writeReport } from '../../lib/report/report.ts';
import { writeRun } from '../support/run-files.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const ODD = `a b&c#d?e%f"g'<h>:i`;

/** Text and target of each link of a report that leads out of it; the targets are there. */
function linksOf(file: string): Record<string, string> {
  const links = readFileSync(file, 'utf8').matchAll(/<a href="([^#"][^"]*)">([^<]*)<\/a>/g);
  const found = [...links].map(([, href = '', text = '']) => {
    expect(href).toMatch(/^[\w./%~!*()-]+$/);
    const target = resolve(dirname(file), decodeURIComponent(href));
    expect(existsSync(target), target).toBe(true);
    return [text, target];
  });
  return Object.fromEntries(found);
}

function written(root: string, ...places: string[]): string[] {
  for (const place of places) writeRun(join(root, place));
  return places.map((place) => join(root, place));
}

const reportIn = (directory: string) => join(directory, 'report.html');

test('a report of no run is refused', async () => {
  const file = reportIn(temporaryDirectory());
  await expect(writeReport([], file)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(existsSync(file)).toBe(false);
});

test('a report links to those of the runs beside it, whatever their names', async () => {
  const root = temporaryDirectory();
  const [one, odd, without] = written(root, 'one', ODD, 'without') as [string, string, string];
  mkdirSync(join(root, 'no run'));
  writeFileSync(reportIn(join(root, 'no run')), readFileSync(new URL(import.meta.url)));
  await writeReport([odd], reportIn(odd));
  await writeReport([one], reportIn(one));
  expect(Object.values(linksOf(reportIn(one)))).toEqual([reportIn(odd)]);
  // Now the other's is there too; a file of that name that is no report is not linked.
  writeFileSync(reportIn(without), '<p>mine</p>');
  await writeReport([odd], reportIn(odd));
  expect(linksOf(reportIn(odd))).toEqual({ one: reportIn(one) });
});

test('runs of several seeds and their comparison link to each other', async () => {
  const root = temporaryDirectory();
  const runs = written(root, 'seed-0', 'seed-1');
  const comparison = reportIn(root);
  for (const run of runs) await writeReport([run], reportIn(run));
  await writeReport(runs, comparison);
  expect(linksOf(comparison)).toEqual({
    'seed-0': reportIn(join(root, 'seed-0')),
    'seed-1': reportIn(join(root, 'seed-1')),
  });
  for (const run of runs) await writeReport([run], reportIn(run));
  const name = `Comparison in ${root.split('/').at(-1)}`;
  expect(linksOf(reportIn(join(root, 'seed-0')))).toEqual({
    [name]: comparison,
    'seed-1': reportIn(join(root, 'seed-1')),
  });
  // Another run of the directory is not in the comparison.
  const [other] = written(root, 'other') as [string];
  await writeReport([other], reportIn(other));
  expect(Object.keys(linksOf(reportIn(other)))).toEqual(['seed-0', 'seed-1']);
});

test('a comparison two levels up is linked too', async () => {
  const root = temporaryDirectory();
  const runs = written(root, 'seed-0/base', 'seed-0/finetune', 'seed-1/base', 'seed-1/finetune');
  for (const run of runs) await writeReport([run], reportIn(run));
  await writeReport(runs, reportIn(root));
  const [first] = runs as [string];
  await writeReport([first], reportIn(first));
  expect(Object.values(linksOf(reportIn(first)))).toEqual([
    reportIn(root),
    reportIn(join(root, 'seed-0', 'finetune')),
  ]);
});

test('a report elsewhere has no links that would break when it is moved', async () => {
  const root = temporaryDirectory();
  const runs = written(root, 'runs/a', 'runs/b');
  for (const run of runs) await writeReport([run], reportIn(run));
  await writeReport(runs.slice(0, 1), join(root, 'copy.html'));
  expect(linksOf(join(root, 'copy.html'))).toEqual({});
  mkdirSync(join(root, 'elsewhere'));
  await writeReport(runs, join(root, 'elsewhere', 'report.html'));
  expect(linksOf(join(root, 'elsewhere', 'report.html'))).toEqual({});
  rmSync(reportIn(runs[1] as string));
  await writeReport(runs, join(root, 'all.html'));
  expect(linksOf(join(root, 'all.html'))).toEqual({ a: reportIn(runs[0] as string) });
});

test('many runs are folded', async () => {
  const root = temporaryDirectory();
  const runs = written(root, ...Array.from({ length: 14 }, (_, index) => `run-${index}`));
  for (const run of runs) await writeReport([run], reportIn(run));
  const [first] = runs as [string];
  await writeReport([first], reportIn(first));
  expect(readFileSync(reportIn(first), 'utf8')).toContain(
    '<summary>13 other runs in this directory</summary>',
  );
  expect(Object.keys(linksOf(reportIn(first)))).toHaveLength(13);
});
