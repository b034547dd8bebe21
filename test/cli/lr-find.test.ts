import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { LearningRateSearch } from '../../lib/training/learning-rate.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

const SMALL = ['--data', 'sample', '--limit-train', '24', '--image-size', '32', '--batch-size', '8'];

describe('torch-tl lr-find', () => {
  test('plots the losses of the finetune experiment, says which flag to use, and writes nothing', async () => {
    const cwd = temporaryDirectory();
    const args = ['lr-find', ...SMALL, '--start', '1e-5', '--end', '100', '--steps', '40'];
    const { code, stdout, stderr } = await torchTl(args, { cwd });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toBe('Data: cifar10-sample (embedded sample), 24 training images');
    expect(stdout).toMatch(/^Classes: 10 \(training images\): airplane 3, automobile 3, bird 3, cat 3,/m);
    expect(stdout).toMatch(/^Model: finetune at 32x32, [\d,]+ of [\d,]+ parameters train$/m);
    expect(stdout).toMatch(/^Weights: tiny-imagenet-distilled/m);
    expect(stdout).toMatch(/1e-5 +1e-4 +1e-3/);
    expect(stdout).toMatch(/●/);
    expect(stdout).toMatch(/^Suggestion: --lr \d(\.\d)?e-\d, /m);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test('prints points and suggestion with --json, which another process finds again', async () => {
    const cwd = temporaryDirectory();
    const args = ['lr-find', 'base', ...SMALL, '--head', 'linear', '--steps', '3', '--end', '1e-5'];
    const found = [];
    for (const _ of [1, 2]) {
      const { code, stdout, stderr } = await torchTl([...args, '--device', 'cpu', '--json'], { cwd });
      expect(code).toBe(0);
      expect(stderr).toMatch(/^Data: cifar10-sample/m);
      expect(stderr).toMatch(/^Weights: random/m);
      found.push(JSON.parse(stdout) as LearningRateSearch);
    }
    expect(Object.keys(found[0] ?? {})).toEqual(['points', 'suggestion']);
    expect(found[0]?.points.map(({ learningRate }) => Math.log10(learningRate))).toEqual([
      expect.closeTo(-7),
      expect.closeTo(-6),
      expect.closeTo(-5),
    ]);
    expect(found[1]).toEqual(found[0]);
  });

  test('says so where the loss never fell', async () => {
    const args = ['lr-find', ...SMALL, '--steps', '2', '--start', '100', '--end', '1000'];
    const { code, stdout } = await torchTl(args, { cwd: temporaryDirectory() });
    expect(code).toBe(0);
    expect(stdout).toContain('No suggestion: the loss never fell.');
  });

  test.each<[string, string[], string]>([
    ['an unknown experiment', ['finetun'], "did you mean 'finetune'?"],
    [
      'an end below the start',
      ['--start', '1', '--end', '0.1'],
      '--end must be a learning rate greater than',
    ],
    ['a start that is none', ['--start', '0'], '--start must be a number from 1e-12'],
    ['an unknown head', ['--head', 'linaer'], "not 'linaer'; did you mean 'linear'?"],
    ['data that is not there', ['--data', 'nowhere'], 'nowhere does not exist'],
    ['random weights from a file', ['--init', 'random', '--weights', 'imagenet'], 'leave out one of the two'],
    ['layers that are not there', [...SMALL, '--freeze', 'denseblock9'], 'denseblock9'],
  ])('refuses %s', async (_, args, message) => {
    const { code, stdout, stderr } = await torchTl(['lr-find', ...args, '--json'], {
      cwd: temporaryDirectory(),
    });
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });
});
