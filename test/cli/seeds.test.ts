import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { RunResults } from '../../lib/experiments/results.ts';
import type { SeedsResults } from '../../lib/experiments/run-seeds.ts';
import { lastingDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

const SMALL = ['--data', 'sample', '--limit-train', '20', '--limit-valid', '10', '--image-size', '32'];
const OPTIONS = [...SMALL, '--device', 'cpu', '--epochs', '2'];

describe('runs with several seeds', () => {
  let cwd: string;
  let results: SeedsResults;

  beforeAll(async () => {
    cwd = lastingDirectory();
    const args = ['run', 'finetune', ...OPTIONS, '--seed', '4', '--seeds', '3', '--json', '--out', 'seeds'];
    const { code, stdout } = await torchTl(args, { cwd });
    expect(code).toBe(0);
    results = JSON.parse(stdout) as SeedsResults;
  });

  /** The links that lead out of a report below the common directory. */
  function linksIn(place: string): string[] {
    const report = readFileSync(join(cwd, 'seeds', place, 'report.html'), 'utf8');
    return [...report.matchAll(/<a href="([^#"]+)"/g)].map(([, href = '']) => href);
  }

  test('each is the run with that seed alone', async () => {
    expect(results.runs.map(({ seed }) => seed)).toEqual([4, 5, 6]);
    const alone = await torchTl(['run', 'finetune', ...OPTIONS, '--seed', '5', '--json', '--out', 'alone'], {
      cwd,
    });
    const { epochs } = JSON.parse(alone.stdout) as RunResults;
    const without = (run: RunResults['epochs']) => run.map(({ seconds: _, ...epoch }) => epoch);
    expect(without(results.runs[1]?.epochs ?? [])).toEqual(without(epochs));
  });

  test('mean and spread are those of the runs', () => {
    const [summary] = results.summaries;
    const losses = results.runs.map(({ best }) => best?.validLoss as number);
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / 3;
    expect(summary).toMatchObject({ experiment: 'finetune', seeds: [4, 5, 6] });
    expect(summary?.loss?.mean).toBeCloseTo(mean, 12);
    const deviation = Math.sqrt(losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / 2);
    expect(summary?.loss?.standardDeviation).toBeCloseTo(deviation, 12);
  });

  test('the report of all draws the spread', () => {
    expect(readdirSync(join(cwd, 'seeds')).sort()).toEqual(['report.html', 'seed-4', 'seed-5', 'seed-6']);
    const report = readFileSync(join(cwd, 'seeds', 'report.html'), 'utf8');
    expect(report).toContain('Spread over seeds');
    expect(report.match(/class="band"/g)).toHaveLength(4);
    expect(linksIn('.')).toEqual([4, 5, 6].map((seed) => `seed-${seed}/report.html`));
  });

  test('the report of each links to the others and to that of all', () => {
    expect(linksIn('seed-4')).toEqual(['../report.html', '../seed-5/report.html', '../seed-6/report.html']);
  });

  test('resuming leaves finished runs as they are and trains the missing seeds', async () => {
    const file = join(cwd, 'seeds', 'seed-4', 'results.json');
    const before = readFileSync(file, 'utf8');
    const { code, stdout } = await torchTl(
      ['run', 'finetune', '--seeds', '4', '--resume', '--json', '--out', 'seeds'],
      { cwd },
    );
    expect(code).toBe(0);
    const { runs } = JSON.parse(stdout) as SeedsResults;
    expect(runs.map(({ seed, dataset }) => [seed, dataset.train])).toEqual([4, 5, 6, 7].map((s) => [s, 20]));
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(linksIn('seed-4')).toContain('../seed-7/report.html');
  });

  test.each([
    [['--seeds', '2', '--resume', '--out', 'seeds'], 'seeds 4, 5, 6, 7, but these options mean 4, 5'],
    [['--seeds', '2', '--resume', '--out', join('seeds', 'seed-4')], 'holds a single run'],
    [['--seeds', '1'], '--seeds must be an integer from 2 to 1000'],
    [['--seeds', '2', '--config', join('seeds', 'seed-4', 'config.json')], 'leave out --seeds'],
    [['--seeds', '2', '--out', 'seeds'], 'is not empty'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await torchTl(['run', 'finetune', ...args], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
