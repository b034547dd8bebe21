import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtMinors } from '../../lib/addon/engines.ts';
import { loadEngine } from '../../lib/engine/engine.ts';
import type { FeatureKeys } from '../../lib/engine/native-training.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { program } from '../cli/torch-tl.ts';
import { frozenModel } from '../support/frozen-model.ts';
import { featureKeys, keptIn, keysOf, numbers } from '../support/kept-features.ts';
import { bytesOf, lastWeights, nativeData, nativeTraining } from '../support/native.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Each set has an origin, and so a file, of its own. */
const KEYS: FeatureKeys = {
  ...featureKeys('denseblock3', { train: 0, valid: 0 }),
  train: keysOf('a', numbers(6)),
  valid: keysOf('b', numbers(4)),
};

function trainingFile(directory: string): string {
  const [name] = readdirSync(directory).filter((one) => one.startsWith('a'));
  return join(directory, name as string);
}

/** Trains with the files of a directory; which of them were reused, why not, and the weights. */
async function training(directory: string) {
  const model = await frozenModel('denseblock3');
  const [train, valid] = [await nativeData('train', 6), await nativeData('valid', 4)];
  const { events } = await nativeTraining(model, train, valid, {
    featureCache: keptIn(directory),
    featureKeys: KEYS,
    checkpoints: true,
  });
  const caches = events.filter((event) => event.type === 'cache');
  return { caches, weights: bytesOf(lastWeights(model)) };
}

/** Inverts the bits of one byte, at a position from the end where negative. */
function flip(path: string, position: number): void {
  const bytes = readFileSync(path);
  const at = position < 0 ? bytes.length + position : position;
  bytes[at] = ~(bytes[at] ?? 0);
  writeFileSync(path, bytes);
}

function flipAfter(path: string, text: string): void {
  flip(path, readFileSync(path).indexOf(text) + text.length);
}

function replace(path: string, text: string, by: string): void {
  const bytes = readFileSync(path);
  bytes.write(by, bytes.indexOf(text));
  writeFileSync(path, bytes);
}

function writeAt(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes);
  closeSync(file);
}

describe('a file of features that is not what it should be is made anew and said so', () => {
  test.for([
    ['empty', (path: string) => truncateSync(path, 0), /size/],
    ['truncated', (path: string) => truncateSync(path, readFileSync(path).length - 1), /size/],
    ['of a flipped header', (path: string) => flip(path, 3), /damaged/],
    ['of a flipped origin', (path: string) => flip(path, 30), /damaged/],
    ['of a flipped number of rows', (path: string) => flipAfter(path, 'sizes '), /damaged/],
    ['of more rows than it has', (path: string) => replace(path, 'sizes 6', 'sizes 9'), /size/],
    ['of a flipped key', (path: string) => flip(path, 4096), /damaged/],
    ['of a flipped hash', (path: string) => flip(path, 4096 + 16), /damaged/],
    ['of a flipped value', (path: string) => flip(path, -5), /damaged/],
    ['of zeros', (path: string) => writeFileSync(path, Buffer.alloc(readFileSync(path).length)), /damaged/],
    [
      'of the format before',
      (path: string) => writeAt(path, Buffer.from('torch-tl features 1\nkey other')),
      /damaged/,
    ],
    ['text', (path: string) => writeFileSync(path, 'not features\n'), /size/],
  ] as const)('%s', async ([, damage, reason]) => {
    const directory = temporaryDirectory();
    const first = await training(directory);
    const path = trainingFile(directory);
    const whole = readFileSync(path);
    damage(path);
    const second = await training(directory);
    expect(second.caches.map(({ reused }) => reused)).toEqual([false, true]);
    expect(second.caches[0]?.reason).toContain(path);
    expect(second.caches[0]?.reason).toMatch(reason);
    expect(second.weights).toEqual(first.weights);
    expect(readFileSync(path).equals(whole)).toBe(true);
    expect(readdirSync(directory)).toHaveLength(2);
  });

  test('a directory of that name, which nothing can replace, is WRITE_FAILED and nothing is left', async () => {
    const directory = temporaryDirectory();
    await training(directory);
    const path = trainingFile(directory);
    rmSync(path);
    mkdirSync(path);
    const names = readdirSync(directory);
    await expect(training(directory)).rejects.toMatchObject({
      name: 'TorchTlError',
      code: 'WRITE_FAILED',
      message: expect.stringContaining(directory),
    });
    expect(readdirSync(directory)).toEqual(names);
  });
});

const FIT = `
  import { execFileSync } from 'node:child_process';
  import { Dataset, DenseNet121 } from 'torch-tl';
  const { train, valid } = await Dataset.cifar10('sample', { train: 40, valid: 20 });
  const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: 64 });
  model.freeze();
  const fit = (options) => model.fit(train, { valid, epochs: 1, featureCache: 'shared', ...options }).result;
`;

test('a full disk is WRITE_FAILED before any features are made, and leaves nothing', async () => {
  const cwd = temporaryDirectory();
  const text = `
    ${FIT}
    execFileSync('prlimit', ['--fsize=10000', '--pid', String(process.pid)]);
    let passes = 0;
    await fit({ onFeatures: () => { passes += 1; } }).catch(({ code, message }) => console.log(code, passes, message));
  `;
  const { code, stdout } = await program(text, { cwd });
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^WRITE_FAILED 0 cannot write \d+ bytes of features in .*shared: .+; free some space/,
  );
  expect(readdirSync(join(cwd, 'shared'))).toEqual([]);
});

test("a full disk of torch-tl's own cache: features are computed all the same, and each image is counted once", async () => {
  const cwd = temporaryDirectory();
  const { root } = locateLibTorch(builtMinors(packageRoot));
  const text = `
    ${FIT}
    const lossesOf = async (options) => {
      const again = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: 64 });
      again.freeze();
      const { epochs } = await again.fit(train, { valid, epochs: 1, precision: 'fp32', ...options }).result;
      return epochs.map(({ trainLoss, validLoss }) => [trainLoss, validLoss]);
    };
    const without = await lossesOf({ featureCache: false });
    execFileSync('prlimit', ['--fsize=10000', '--pid', String(process.pid)]);
    const [progress, caches] = [[], []];
    const losses = await lossesOf({
      featureCache: true,
      onFeatures: ({ done, total }) => progress.push([done, total]),
      onCache: ({ part, place, kept, whyNotKept }) => caches.push({ part, place, kept, whyNotKept }),
    });
    console.log(JSON.stringify({ without, losses, progress, caches }));
  `;
  const env = { TORCH_TL_CACHE: join(cwd, 'cache'), TORCH_TL_CACHE_LIMIT: '1GB', TORCH_TL_LIBTORCH: root };
  const { stdout, stderr } = await program(text, { cwd, env });
  const { without, losses, progress, caches } = JSON.parse(stdout || stderr);
  expect(losses).toEqual(without);
  expect(progress.at(-1)).toEqual([60, 60]);
  // Before, they were announced as kept.
  expect(caches.slice(-2)).toEqual(
    ['train', 'valid'].map((part) => ({
      ...{ part, place: 'memory', kept: null },
      whyNotKept: expect.stringContaining('cannot write'),
    })),
  );
});

test('what a killed process leaves is removed by the next training', async () => {
  const cwd = temporaryDirectory();
  const killed = `${FIT} await fit({ batchSize: 2, onFeatures: () => process.kill(process.pid, 'SIGKILL') });`;
  expect((await program(killed, { cwd })).code).toBeNull();
  const shared = join(cwd, 'shared');
  expect(readdirSync(shared)).toHaveLength(1);
  writeFileSync(join(shared, 'mine'), 'of somebody else');
  await training(shared);
  expect(readdirSync(shared).filter((name) => name.endsWith('.features'))).toHaveLength(2);
  expect(readdirSync(shared).filter((name) => !name.endsWith('.features'))).toEqual(['mine']);
});

test('two processes that keep the same features at a time both end, and leave one file for the next', async () => {
  const cwd = temporaryDirectory();
  const { root } = locateLibTorch(builtMinors(packageRoot));
  const env = { TORCH_TL_CACHE: join(cwd, 'cache'), TORCH_TL_CACHE_LIMIT: '1GB', TORCH_TL_LIBTORCH: root };
  const text = `
    ${FIT}
    const computed = [];
    const onCache = (report) => computed.push(report.computed);
    const { epochs } = await fit({ featureCache: true, precision: 'fp32', onCache });
    console.log(JSON.stringify({ computed, losses: epochs.map(({ trainLoss, validLoss }) => [trainLoss, validLoss]) }));
  `;
  const trained = async () => {
    const { code, stdout, stderr } = await program(text, { cwd, env });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as { computed: number[]; losses: number[][] };
  };
  const both = await Promise.all([trained(), trained()]);
  const third = await trained();
  expect(third.computed).toEqual([0, 0]);
  for (const { losses } of both) expect(losses).toEqual(third.losses);
  const hasKernels = loadEngine().info().cpu.kernels.length > 0;
  expect(readdirSync(join(cwd, 'cache', 'features'))).toHaveLength(hasKernels ? 1 : 2);
});
