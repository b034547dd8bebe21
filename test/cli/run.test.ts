import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DenseNet121 } from '../../lib/densenet121.ts';
import type { EpochMetrics } from '../../lib/engine/native-training.ts';
import type { RunResults } from '../../lib/experiments/results.ts';
import { headLayers } from '../../lib/options/head.ts';
import { hasGpu } from '../support/native.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl, torchTlProcess } from './torch-tl.ts';

const SMALL = ['--data', 'sample', '--limit-train', '40', '--limit-valid', '20', '--image-size', '32'];
/** The size of a cached feature depends on it; by default the processor decides. */
const FP32 = ['--precision', 'fp32'];
const ENDLESS = [...SMALL, '--epochs', '1000000', '--early-stopping-patience', 'off', '--out', 'run'];

describe('torch-tl run', () => {
  test('trains the finetune experiment and leaves a whole run directory', async () => {
    const cwd = temporaryDirectory();
    const args = ['run', 'finetune', ...SMALL, '--epochs', '2', ...FP32];
    const { code, stdout, stderr } = await torchTl(args, { cwd });
    expect(stderr).toBe('');
    expect(code).toBe(0);

    const lines = stdout.split('\n');
    expect(lines[0]).toBe(
      'Data: cifar10-sample (embedded sample), 40 training and 20 validation images (test_batch.bin)',
    );
    expect(stdout).toMatch(/^Weights: tiny-imagenet-distilled, trained on Tiny ImageNet.*SHA-256 87db690c/m);
    expect(lines.filter((line) => line.startsWith('epoch '))).toHaveLength(2);
    expect(stdout).toMatch(/^Feature cache: flatten output for training images, 164 kB in memory$/m);
    expect(stdout).toMatch(/^validation accuracy +\S+ % \([\d.]+ to [\d.]+\) +92\.72 % \(92\.2 to 93\.2\)$/m);

    const [name] = readdirSync(join(cwd, 'runs'));
    expect(name).toMatch(/^finetune-\d{8}-\d{6}$/);
    const run = join(cwd, 'runs', name ?? '');
    expect(readdirSync(run).sort()).toEqual([
      'best.safetensors',
      'checkpoint',
      'config.json',
      'epochs.jsonl',
      'images.csv',
      'label-issues.csv',
      'metrics.csv',
      'progress.json',
      'report.html',
      'results.json',
      'samples.json',
      'validation.json',
    ]);
    expect(stdout).toContain(`\nReport: ${join(run, 'report.html')}\n`);
    expect(readdirSync(join(run, 'checkpoint'))).toEqual(['training.safetensors']);
    const results = resultsIn(run);
    expect(results).toMatchObject({
      formatVersion: 1,
      experiment: 'finetune',
      init: 'pretrained',
      weights: { source: 'tiny-imagenet-distilled' },
      dataset: { name: 'cifar10-sample', train: 40, valid: 20, source: 'embedded sample' },
      imageSize: 32,
      batchSize: 128,
      seed: 0,
      stoppedBecause: 'epochs',
    });
    expect(results.weights.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(epochsIn(run)).toEqual(results.epochs.map((epoch) => ({ formatVersion: 1, ...epoch })));
    expect(results.epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(results.best).toMatchObject(bestOf(results.epochs));
    expect(configIn(run)).toMatchObject({ formatVersion: 1, options: { epochs: 2, limitTrain: 40 } });
    await expectModel(join(run, 'best.safetensors'), 'finetune');
  });

  test.each(['base', 'base-optimized'])('trains every layer of %s', async (experiment) => {
    const cwd = temporaryDirectory();
    const args = ['run', experiment, ...SMALL, '--epochs', '1', '--out', 'run', '--json'];
    const { code, stdout } = await torchTl(args, { cwd });
    expect(code).toBe(0);
    const results: RunResults = JSON.parse(stdout);
    expect(results.trainableParameters).toBe(results.totalParameters);
    expect(results.init).toBe(experiment === 'base' ? 'random' : 'pretrained');
    expect(results.weights.source).toBe(experiment === 'base' ? 'random' : 'tiny-imagenet-distilled');
  });

  test('prints one JSON document with --json, which is results.json, and progress on stderr', async () => {
    const cwd = temporaryDirectory();
    const args = ['run', 'finetune', ...SMALL, '--epochs', '1', '--out', 'run', '--json'];
    const { code, stdout, stderr } = await torchTl(args, { cwd });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(resultsIn(join(cwd, 'run')));
    expect(stderr.split('\n')[0]).toMatch(/^Data: cifar10-sample/);
    expect(stderr).toMatch(/^epoch 1\/1 /m);
  });

  test('says that with augmentation only validation features are cached', async () => {
    const cwd = temporaryDirectory();
    const args = [
      'run',
      'finetune',
      ...SMALL,
      '--epochs',
      '1',
      '--out',
      'run',
      '--augmentation',
      'light',
      ...FP32,
    ];
    const { code, stdout } = await torchTl(args, { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Augmentation: on; training images pass through the whole network/m);
    expect(stdout.match(/^Feature cache: .*$/gm)).toEqual([
      'Feature cache: flatten output for validation images only, 82 kB in memory',
    ]);
  });

  test('gives the same losses with and without the feature cache', async () => {
    const cwd = temporaryDirectory();
    const args = ['run', 'finetune', ...SMALL, '--epochs', '2', '--json', '--device', 'cpu', '--out'];
    const cached = await torchTl([...args, 'cached'], { cwd });
    const anew = await torchTl([...args, 'anew', '--no-feature-cache'], { cwd });
    const losses = ({ stdout }: { stdout: string }) =>
      (JSON.parse(stdout) as RunResults).epochs.map(({ trainLoss, validLoss }) => [trainLoss, validLoss]);
    expect(losses(anew)).toEqual(losses(cached));
  });

  test.each<[NodeJS.Signals, number]>([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])('stops on %s, saves what is there, and exits %d', async (signal, exitCode) => {
    const cwd = temporaryDirectory();
    let sent = false;
    const { code, stderr } = await torchTlProcess(['run', 'finetune', ...ENDLESS], {
      cwd,
      onOutput(stdout, kill) {
        if (sent || !stdout.includes('\nepoch       3/')) return;
        sent = true;
        kill(signal);
      },
    });
    expect(code).toBe(exitCode);
    const run = join(cwd, 'run');
    const results = resultsIn(run);
    const word =
      { SIGINT: 'Interrupted.', SIGTERM: 'Terminated.' }[signal as string] ?? 'The terminal was closed.';
    expect(stderr).toBe(
      [
        'Stopping after this batch; press Ctrl-C again to stop at once.',
        `${word} Kept are ${results.epochs.length} epochs, the best model and a checkpoint.`,
        'To resume:',
        `  npx torch-tl run finetune --resume --out ${run}`,
        '',
      ].join('\n'),
    );
    expect(results.stoppedBecause).toBe('aborted');
    expect(results.epochs.length).toBeGreaterThanOrEqual(3);
    expect(epochsIn(run)).toHaveLength(results.epochs.length);
    expect(results.best).toMatchObject(bestOf(results.epochs));
    await expectModel(join(run, 'best.safetensors'), 'finetune');
  });

  test.each<[string, string[], string]>([
    ['an unknown experiment', ['finetun'], "There is no experiment 'finetun'; did you mean 'finetune'?"],
    [
      'no experiment',
      [],
      'No experiment is given. Name base, base-optimized, finetune or all, or repeat a run with --config FILE',
    ],
    ['a misspelt option', ['base', '--epocs', '3'], 'Did you mean --epochs?'],
    ['a bad number', ['base', '--epochs', 'x'], "--epochs must be an integer from 1 to 1000000, not 'x'"],
    ['a learning rate of zero', ['base', '--lr', '0'], '--lr must be a number from 1e-12 to 1000000, not 0'],
    ['an empty number', ['base', '--seed', ''], "--seed must be an integer from 0 to 4294967295, not ''"],
    [
      'images under 32 pixels',
      ['base', '--image-size', '31'],
      '--image-size must be an integer from 32 to 4096',
    ],
    ['an unknown device', ['base', '--device', 'gpu'], '--device must be auto, cpu, cuda or cuda:N'],
    ['a missing directory', ['base', '--data', 'nowhere'], 'nowhere does not exist'],
    ['missing weights', ['finetune', '--weights', 'nowhere.safetensors'], 'nowhere.safetensors'],
    [
      'weights for no weights',
      ['base', '--init', 'random', '--weights', 'tiny-imagenet-distilled'],
      'leave out one',
    ],
  ])('refuses %s and leaves nothing behind', async (_, args, message) => {
    await expectRefusal(temporaryDirectory(), args, message);
  });

  test.skipIf(hasGpu)('refuses --device cuda without a GPU, saying why', async () => {
    await expectRefusal(temporaryDirectory(), ['base', '--device', 'cuda'], 'Device cuda is not available');
  });

  test('refuses a directory that holds another run', async () => {
    const cwd = temporaryDirectory();
    mkdirSync(join(cwd, 'run'));
    writeFileSync(join(cwd, 'run', 'config.json'), '{}');
    await expectRefusal(cwd, ['base', '--out', 'run'], 'already holds another run');
    expect(readdirSync(join(cwd, 'run'))).toEqual(['config.json']);
  });

  test('refuses files that cannot be read as what they should be', async () => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, 'data_batch_1.bin'), 'torn');
    writeFileSync(join(cwd, 'test_batch.bin'), 'torn');
    writeFileSync(join(cwd, 'bad.safetensors'), 'no header');
    await expectRefusal(cwd, ['base', '--data', '.'], 'data_batch_1.bin');
    await expectRefusal(cwd, ['finetune', '--weights', 'bad.safetensors'], 'bad.safetensors');
  });

  test('prints where an error comes from only with --verbose', async () => {
    const cwd = temporaryDirectory();
    const quiet = await torchTl(['run', 'base', '--data', 'nowhere'], { cwd });
    const verbose = await torchTl(['run', 'base', '--data', 'nowhere', '--verbose'], { cwd });
    expect(quiet.stderr).not.toContain('    at ');
    expect(verbose.stderr).toContain('    at ');
  });
});

/** Exit code 2, one message on stderr, and no file more than before. */
async function expectRefusal(cwd: string, args: string[], message: string): Promise<void> {
  const before = readdirSync(cwd);
  const { code, stderr } = await torchTl(['run', ...args], { cwd });
  expect(stderr).toContain(message);
  expect(stderr.match(/^error: /gm)).toHaveLength(1);
  expect(stderr).not.toContain('    at ');
  expect(code).toBe(2);
  expect(readdirSync(cwd)).toEqual(before);
}

async function expectModel(path: string, head: string): Promise<void> {
  expect(existsSync(path)).toBe(true);
  const model = await DenseNet121.load(path);
  expect(model.classes).toContain('airplane');
  expect(model.imageSize).toBe(32);
  expect(model.head).toEqual(headLayers(head));
  model.dispose();
}

function bestOf(epochs: EpochMetrics[]) {
  const [best] = ([...epochs] as EpochMetrics<number>[]).sort(
    (a, b) => b.validAccuracy - a.validAccuracy || a.validLoss - b.validLoss,
  );
  return { epoch: best?.epoch, validAccuracy: best?.validAccuracy, validLoss: best?.validLoss };
}

function resultsIn(run: string): RunResults {
  return JSON.parse(readFileSync(join(run, 'results.json'), 'utf8'));
}

function configIn(run: string): unknown {
  return JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
}

function epochsIn(run: string): unknown[] {
  const lines = readFileSync(join(run, 'epochs.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line));
}
