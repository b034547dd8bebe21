import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { withoutProcesses } from '../../lib/cli/shared-work.ts';
import { checkpointIn } from '../../lib/experiments/run-directory.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { BLUE, GREEN, RED, writeImages } from '../support/images.ts';
import { writeSample } from '../support/sample-folder.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type Ended, type Invocation, nodeProcess } from './torch-tl.ts';

/*
 * Commands whose work several processes share: what they print and write is what one would.
 */

function torchTl(args: string[], invocation: Invocation): Promise<Ended> {
  return nodeProcess([join(packageRoot, 'bin', 'torch-tl.js'), ...args], invocation);
}

const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
const lossesOf = (run: string): number[] =>
  json(join(run, 'results.json')).epochs.flatMap((epoch: { trainLoss: number; validLoss: number }) => [
    epoch.trainLoss,
    epoch.validLoss,
  ]);

function expectNear(a: readonly number[], b: readonly number[]): void {
  expect(a).toHaveLength(b.length);
  for (const [i, value] of a.entries()) expect(Math.abs(value - (b[i] as number))).toBeLessThan(1e-5);
}

/** Three classes of eight images. */
async function folder(): Promise<string> {
  const directory = temporaryDirectory();
  const names = Array.from({ length: 8 }, (_, i) => `${i}.png`);
  const classes = { red: RED, green: GREEN, blue: BLUE };
  for (const [name, colour] of Object.entries(classes)) {
    await writeImages(
      join(directory, 'images', name),
      Object.fromEntries(names.map((file) => [file, colour])),
    );
  }
  return directory;
}

const small = ['--image-size', '32', '--precision', 'fp32', '--threads', '1'];
const train = ['train', 'images', '--head', 'linear', '--epochs', '3', '--batch-size', '5', ...small];
const linear = [...train, '--freeze', 'backbone', '--augmentation', 'none', '--schedule', 'constant'];

describe('torch-tl train --processes', () => {
  test('prints, writes and comes to what one process does, and is resumed by others', async () => {
    const cwd = await folder();
    const alone = await torchTl([...linear, '--calibrate', '--out', 'alone'], { cwd });
    const two = await torchTl([...linear, '--calibrate', '--out', 'two', '--processes', '2'], { cwd });
    expect([alone.code, two.code]).toEqual([0, 0]);
    expect(readdirSync(join(cwd, 'two'))).toEqual(readdirSync(join(cwd, 'alone')));
    expectNear(lossesOf(join(cwd, 'two')), lossesOf(join(cwd, 'alone')));
    const calibrations = ['two', 'alone'].map((run) => json(join(cwd, run, 'results.json')).calibration);
    const numbersOf = ({ temperature, after }: (typeof calibrations)[0]) => [temperature, after.loss];
    expectNear(numbersOf(calibrations[0]), numbersOf(calibrations[1]));
    expect(two.stdout.match(/^Calibrated: temperature /gm)).toHaveLength(1);
    expect(two.stdout.match(/^epoch /gm)).toHaveLength(3);
    expect(two.stdout).toMatch(/^Processes: 2: 2 on \S+$/m);
    expect(two.stderr).not.toContain('epoch');
    const { processes } = json(join(cwd, 'two', 'results.json'));
    expect(processes.map(({ rank, device }: { rank: number; device: string }) => [rank, device])).toEqual([
      [0, 'cpu'],
      [1, 'cpu'],
    ]);
    expect(json(join(cwd, 'alone', 'results.json')).processes).toBeNull();
    // The options say nothing of processes: a run may go on with others.
    const { options } = json(join(cwd, 'two', 'config.json'));
    expect(Object.keys(options).filter((name) => /distributed|timeout|processes/i.test(name))).toEqual([]);

    const more = ['--resume', '--epochs', '5'];
    const three = await torchTl(['train', ...more, '--out', 'two', '--processes', '3', '--threads', '1'], {
      cwd,
    });
    const one = await torchTl(['train', ...more, '--out', 'alone', '--threads', '1'], { cwd });
    expect([one.code, three.code]).toEqual([0, 0]);
    expect(three.stdout).toContain('processes was 2 and is now 3');
    expectNear(lossesOf(join(cwd, 'two')), lossesOf(join(cwd, 'alone')));
  });

  test('cross-validates as one process does', async () => {
    const cwd = temporaryDirectory();
    await writeSample(join(cwd, 'images'), 6);
    const folds = [...linear, '--folds', '2', '--calibrate'];
    const alone = await torchTl([...folds, '--out', 'alone'], { cwd });
    const two = await torchTl([...folds, '--out', 'two', '--processes', '2'], { cwd });
    expect([alone.code, two.code]).toEqual([0, 0]);
    const figures = ['two', 'alone'].map((run) => {
      const { folds, calibration, epochs } = json(join(cwd, run, 'results.json'));
      const losses = folds.folds.map(({ best }: { best: { validLoss: number } }) => best.validLoss);
      return [...losses, folds.outOfFold.loss, calibration.temperature, epochs.at(-1).trainLoss];
    });
    expectNear(figures[0] as number[], figures[1] as number[]);
  });

  test('decodes the images once', async () => {
    const cwd = await folder();
    const env = { TORCH_TL_IMAGE_CACHE: join(cwd, 'cache') };
    const args = [...linear, '--out', 'run', '--processes', '3'];
    const { code, stdout, stderr } = await torchTl(['--verbose', ...args], { cwd, env });
    expect(code).toBe(0);
    const decoded = `${stdout}\n${stderr}`.match(/\d+ decoded, \d+ found/g);
    expect(decoded?.sort()).toEqual(['0 decoded, 24 found', '0 decoded, 24 found', '24 decoded, 0 found']);
  });

  test('stops at Ctrl-C with a whole checkpoint, and says how to resume', async () => {
    const cwd = await folder();
    const args = [...linear.map((one) => (one === '3' ? '2000' : one)), '--no-feature-cache', '--out', 'run'];
    const { code, stderr } = await torchTl([...args, '--processes', '2'], {
      cwd,
      onOutput: (stdout, kill) => stdout.includes('epoch    2/') && kill('SIGINT'),
    });
    expect(code).toBe(130);
    expect(stderr).toContain('To resume:');
    expect(json(join(cwd, 'run', 'results.json')).stoppedBecause).toBe('aborted');
    expect(existsSync(checkpointIn(join(cwd, 'run')))).toBe(true);
    const resumed = await torchTl(['train', '--resume', '--out', 'run', '--epochs', '60'], { cwd });
    expect(resumed.code).toBe(0);
  });
});

describe('torch-tl run, evaluate and features', () => {
  const limits = ['--limit-train', '40', '--limit-valid', '20'];

  test('come to the same with --processes 2', async () => {
    const cwd = temporaryDirectory();
    const run = ['run', 'base', '--freeze', 'backbone', '--epochs', '2', ...limits, ...small];
    for (const [name, ...args] of [['alone'], ['two', '--processes', '2']] as const) {
      expect((await torchTl([...run, '--out', name, ...args], { cwd })).code).toBe(0);
    }
    expectNear(lossesOf(join(cwd, 'two')), lossesOf(join(cwd, 'alone')));

    const evaluate = [
      'evaluate',
      '--data',
      'sample',
      '--weights',
      'two',
      '--precision',
      'fp32',
      '--threads',
      '1',
    ];
    const [alone, shared] = [
      await torchTl([...evaluate, '--json'], { cwd }),
      await torchTl([...evaluate, '--json', '--processes', '2'], { cwd }),
    ];
    expect(shared.code).toBe(0);
    expect(shared.stdout).toBe(alone.stdout);

    const features = ['features', '--data', 'sample', '--batch-size', '64', ...small];
    for (const [name, ...args] of [['a'], ['b', '--processes', '2']] as const) {
      expect((await torchTl([...features, '--out', name, ...args], { cwd })).code).toBe(0);
    }
    expect(readFileSync(join(cwd, 'b')).equals(readFileSync(join(cwd, 'a')))).toBe(true);
  });

  test('lr-find comes to the same suggestion', async () => {
    const cwd = temporaryDirectory();
    const args = ['lr-find', 'base', '--freeze', 'backbone', '--steps', '20', ...small, '--json'];
    const [alone, two] = [
      await torchTl([...args, '--limit-train', '40'], { cwd }),
      await torchTl([...args, '--limit-train', '40', '--processes', '2'], { cwd }),
    ];
    expect([alone.code, two.code]).toEqual([0, 0]);
    const pointsOf = ({ stdout }: Ended) =>
      JSON.parse(stdout).points.map(({ loss }: { loss: number }) => loss);
    expectNear(pointsOf(two).slice(0, 12), pointsOf(alone).slice(0, 12));
  });
});

test('two jobs side by side do not meet, and share the cores of the machine', async () => {
  const cwd = await folder();
  const some = linear.filter((one, index) => one !== '--threads' && linear[index - 1] !== '--threads');
  const ended = await Promise.all(
    ['a', 'b'].map((out) => torchTl([...some, '--out', out, '--processes', '2'], { cwd })),
  );
  expect(ended.map(({ code }) => code)).toEqual([0, 0]);
  const threads = Math.max(1, Math.floor(availableParallelism() / 2));
  for (const out of ['a', 'b']) {
    for (const { hardware } of json(join(cwd, out, 'results.json')).processes) {
      expect(hardware).toMatch(new RegExp(`, ${threads} threads?$`));
    }
  }
});

describe('torch-tl run all --processes', () => {
  test('makes the directories of one process, and resumes them', async () => {
    const cwd = temporaryDirectory();
    const limits = ['--limit-train', '20', '--limit-valid', '10', '--epochs', '1'];
    const args = ['run', 'all', '--freeze', 'backbone', ...limits, ...small, '--processes', '2'];
    const { code, stdout } = await torchTl([...args, '--out', 'all'], { cwd });
    expect([code, stdout.match(/^epoch /gm)?.length]).toEqual([0, 3]);
    expect(readdirSync(cwd)).toEqual(['all']);
    expect(readdirSync(join(cwd, 'all')).sort()).toEqual([
      ...['base', 'base-optimized', 'finetune', 'report.html'],
    ]);
    const again = await torchTl(['run', 'all', '--resume', '--out', 'all', '--processes', '2'], { cwd });
    expect(again.code).toBe(0);
    expect(again.stdout.match(/is finished/g)).toHaveLength(3);
    // The error of rank 0 is the command's, whatever the others come to.
    const refused = await torchTl([...args, '--out', 'all'], { cwd });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/^error: .*all/m);
  });
});

describe('processes that cannot work together', () => {
  test.for<[string, string[], Record<string, string>, string]>([
    ['none', ['--processes', '0'], {}, '--processes must be an integer from 1 to 256'],
    ['those that stay alone', ['--processes', '2', '--distributed', 'off'], {}, 'Leave out one of the two'],
    ['part of a place', [], { RANK: '0' }, 'WORLD_SIZE is not set, but RANK is set'],
    [
      'in a job already',
      ['--processes', '2'],
      { RANK: '0', WORLD_SIZE: '2', MASTER_ADDR: 'a', MASTER_PORT: '1' },
      'A launcher has started this process',
    ],
  ])('are refused: %s', async ([, args, env, message]) => {
    const cwd = temporaryDirectory();
    const { code, stderr } = await torchTl(['run', 'finetune', ...args], { cwd, env });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test('one that is alone trains with --distributed off, whatever the environment says', async () => {
    const cwd = temporaryDirectory();
    const args = [
      'run',
      'base',
      '--freeze',
      'backbone',
      '--epochs',
      '1',
      '--limit-train',
      '10',
      '--limit-valid',
      '10',
    ];
    const env = { RANK: '1', WORLD_SIZE: '2' };
    const { code, stdout } = await torchTl([...args, ...small, '--distributed', 'off'], { cwd, env });
    expect([code, stdout.match(/^epoch /gm)?.length]).toEqual([0, 1]);
  });
});

test('the processes get the arguments but the number of processes', () => {
  expect(withoutProcesses(['train', '--processes', '2', 'a', '--processes=3', '--epochs', '2'])).toEqual([
    ...['train', 'a', '--epochs', '2'],
  ]);
});
