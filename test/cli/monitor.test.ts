import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunResults } from '../../lib/experiments/results.ts';
import { shareText } from '../../lib/support/interval.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

const FEW = [
  '--limit-train',
  '40',
  '--limit-valid',
  '23',
  '--image-size',
  '32',
  '--epochs',
  '2',
  '--out',
  'run',
];

describe('run --monitor macro-f1', () => {
  test('shows the figure of each epoch and of the best, and records it', async () => {
    const cwd = temporaryDirectory();
    const call = ['run', 'finetune', ...FEW, '--monitor', 'macro-f1', '--early-stopping-patience', '1'];
    const { code, stdout, stderr } = await torchTl([...call, '--tensorboard'], { cwd });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const readRun = (name: string) => readFileSync(join(cwd, 'run', name), 'utf8');
    const results = JSON.parse(readRun('results.json')) as RunResults;
    const { best, epochs, monitor } = results;
    expect(monitor).toBe('macro-f1');
    const highest = Math.max(...epochs.map(({ monitored }) => monitored as number));
    expect(best?.monitored).toBe(highest);
    const { evaluation } = JSON.parse(readRun('validation.json'));
    expect(Math.abs(evaluation.macroF1 - highest)).toBeLessThanOrEqual(1e-12);
    expect(best).toMatchObject({
      validAccuracyInterval95: evaluation.accuracyInterval95,
      validTop5Accuracy: evaluation.top5Accuracy,
      validTop5AccuracyInterval95: evaluation.top5AccuracyInterval95,
    });
    expect(stdout).toContain(`validation top-5 accuracy  ${shareText(evaluation.top5Accuracy, 23)}`);
    expect(stdout).toMatch(/ {2}valid accuracy +\d+\.\d\d % \(\d+\.\d to \d+\.\d\) {2}/);
    const shown = `${(highest * 100).toFixed(2)} %`;
    expect(stdout).toMatch(/^epoch 1\/2 .* {2}macro F1 +\d+\.\d\d % {2}lr /m);
    expect(stdout).toMatch(new RegExp(`^macro F1 +${shown} +-$`, 'm'));
    expect(readRun('metrics.csv').split('\r\n')[1]).toMatch(/,true,0\.\d+$/);
    const report = readRun('report.html');
    expect(report).toContain(`, by its macro F1 of ${shown}`);
    expect(report).toContain('<dt>best epoch by</dt><dd>macro F1</dd>');
  });

  test('is kept by a resumed run', async () => {
    const cwd = temporaryDirectory();
    expect(await torchTl(['run', 'finetune', ...FEW, '--monitor', 'loss'], { cwd })).toMatchObject({
      code: 0,
    });
    const resume = ['run', 'finetune', '--resume', '--out', 'run', '--epochs', '3'];
    const { code, stderr } = await torchTl([...resume, '--monitor', 'accuracy'], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain('its --monitor was "loss" and is now "accuracy"');
    expect(await torchTl(resume, { cwd })).toMatchObject({ code: 0 });
  });
});
