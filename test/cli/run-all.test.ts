import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunResults } from '../../lib/experiments/results.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl, torchTlProcess } from './torch-tl.ts';

const NAMES = ['base', 'base-optimized', 'finetune'];
const SMALL = ['--data', 'sample', '--limit-train', '20', '--limit-valid', '10', '--image-size', '32'];
const ARGS = ['run', 'all', ...SMALL, '--device', 'cpu', '--epochs', '1', '--out', 'runs'];

test('run all runs the three experiments, each in a directory of its own, and goes on with those that are not done', async () => {
  const cwd = temporaryDirectory();
  // Stopped in the second, after the first is whole.
  const endless = [
    ...ARGS.slice(0, -4),
    '--epochs',
    '100000',
    ...['--early-stopping-patience', '2', '--early-stopping-min-delta', '1'],
    '--out',
    'runs',
  ];
  const stopped = await torchTlProcess(endless, {
    cwd,
    onOutput: (stdout, kill) => stdout.split('\nbase\n')[1]?.includes('\nepoch ') && kill('SIGINT'),
  });
  expect(stopped.code).toBe(130);
  expect(readFileSync(join(cwd, 'runs', 'base', 'report.html'), 'utf8')).toContain('stopped');
  const first = readFileSync(join(cwd, 'runs', 'finetune', 'results.json'), 'utf8');

  const { code, stdout, stderr } = await torchTl(['run', 'all', '--resume', '--json', '--out', 'runs'], {
    cwd,
  });
  expect(code).toBe(0);
  expect(stderr.match(/^(finetune|base|base-optimized)$/gm)).toEqual(['finetune', 'base', 'base-optimized']);
  const { formatVersion, runs } = JSON.parse(stdout) as { formatVersion: number; runs: RunResults[] };
  expect(formatVersion).toBe(1);
  expect(runs.map(({ experiment }) => experiment)).toEqual(NAMES);
  // The one that had not begun is like those that had.
  expect(runs.map(({ dataset, imageSize }) => [dataset.train, imageSize])).toEqual(NAMES.map(() => [20, 32]));
  expect(readFileSync(join(cwd, 'runs', 'finetune', 'results.json'), 'utf8')).toBe(first);
  for (const run of runs) {
    expect(JSON.parse(readFileSync(join(cwd, 'runs', run.experiment, 'results.json'), 'utf8'))).toEqual(run);
  }
  const report = readFileSync(join(cwd, 'runs', 'report.html'), 'utf8');
  expect(report).toContain('<h1>3 runs compared</h1>');
  const places = NAMES.map((name) => report.indexOf(join(cwd, 'runs', name)));
  expect(Math.min(...places)).toBeGreaterThan(0);
  expect(places).toEqual([...places].sort((a, b) => a - b));
});

test('run all compares the three with each other and with the paper, and TensorBoard can too', async () => {
  const cwd = temporaryDirectory();
  const { code, stdout } = await torchTl([...ARGS, '--tensorboard'], { cwd });
  expect(code).toBe(0);
  for (const name of NAMES) {
    expect(readdirSync(join(cwd, 'runs', name, 'tensorboard'))).toHaveLength(1);
  }
  expect(stdout).toMatch(/experiment +accuracy +loss +time +\/ slowest +trainable/);
  expect(stdout).toMatch(
    /\nbase-optimized +[\d.]+ % .*\n +the paper +95\.35 % \(94\.9 to 95\.7\) +0\.1629 +2\.3 h +100\.00 % +7,252,746/,
  );
});

test.for([
  [['run', 'all', '--config', 'config.json'], '--config repeats a single run; leave out `all`'],
  [['run', 'all', '--resume'], '--resume needs the directory of the run'],
  [['run', 'al'], "did you mean 'all'?"],
] as const)('%j is wrong use', async ([args, message]) => {
  const { code, stderr } = await torchTl([...args], { cwd: temporaryDirectory() });
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
