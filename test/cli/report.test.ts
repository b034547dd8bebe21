import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeRun } from '../support/run-files.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

test('report tells of a run that was really trained, and says where', async () => {
  const cwd = temporaryDirectory();
  const small = ['--data', 'sample', '--limit-train', '20', '--limit-valid', '10', '--image-size', '32'];
  await torchTl(['run', 'finetune', ...small, '--device', 'cpu', '--epochs', '2', '--out', 'run'], { cwd });
  const { code, stdout, stderr } = await torchTl(['report', 'run'], { cwd });
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toBe(`Written: ${join(cwd, 'run', 'report.html')}\n`);
  const report = readFileSync(join(cwd, 'run', 'report.html'), 'utf8');
  expect(report).toContain(
    'torch-tl run finetune --data sample --limit-train 20 --limit-valid 10 --image-size 32 --epochs 2 --device cpu',
  );
});

test('report compares several runs', async () => {
  const cwd = temporaryDirectory();
  writeRun(join(cwd, 'a'), { setup: { experiment: 'base' } });
  writeRun(join(cwd, 'b'));
  const { code, stdout } = await torchTl(['report', 'a', 'b', '--json'], { cwd });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ formatVersion: 1, report: join(cwd, 'report.html') });
  expect(readFileSync(join(cwd, 'report.html'), 'utf8')).toContain('<h1>2 runs compared</h1>');

  const other = await torchTl(['report', 'a', 'b', '--out', 'other.html'], { cwd });
  expect(other.stdout).toBe(`Written: ${join(cwd, 'other.html')}\n`);
});

test('wrong use is said, and nothing is overwritten', async () => {
  const cwd = temporaryDirectory();
  writeRun(join(cwd, 'run'));
  writeFileSync(join(cwd, 'mine.html'), 'mine');
  const taken = await torchTl(['report', 'run', '--out', 'mine.html'], { cwd });
  expect([taken.code, taken.stdout]).toEqual([2, '']);
  expect(taken.stderr).toContain('mine.html exists and is not a report');
  expect(readFileSync(join(cwd, 'mine.html'), 'utf8')).toBe('mine');

  const nowhere = await torchTl(['report', 'run', '--out', 'nowhere/report.html'], { cwd });
  expect([nowhere.code, nowhere.stdout]).toEqual([2, '']);
  expect(nowhere.stderr).toContain(`Cannot write ${join(cwd, 'nowhere', 'report.html')}`);

  const none = await torchTl(['report'], { cwd });
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("missing required argument 'run'")]);
  for (const [run, message] of [
    ['.', 'lie in it: name them'],
    ['runn', "There is no directory .*/runn, and so no run. Did you mean 'run'?"],
    ['mine.html', "mine.html is not a run's directory: it is a file."],
  ] as const) {
    const { code, stderr } = await torchTl(['report', run], { cwd });
    expect([code, stderr.replaceAll(cwd, '.*')]).toEqual([2, expect.stringContaining(message)]);
  }
});
