import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { builtMinors } from '../../lib/addon/engines.ts';
import type { CacheClearReport, CacheListReport } from '../../lib/cli/cache.ts';
import { loadEngine } from '../../lib/engine/engine.ts';
import type { RunResults } from '../../lib/experiments/results.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { BLUE, RED, writeImages } from '../support/images.ts';
import { writeLookalike } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { program, torchTl } from './torch-tl.ts';

// A cache of a test's own holds no LibTorch to load.
beforeAll(() => void loadEngine());

const RUN = ['run', 'finetune', '--limit-train', '30', '--limit-valid', '10', '--image-size', '32', '--json'];

/** A cache directory of the test's own, and where to call the command line. */
function setting(limit = '1GB') {
  const cwd = temporaryDirectory();
  const cache = join(cwd, 'cache');
  return {
    cwd,
    cache,
    env: { TORCH_TL_CACHE: cache, TORCH_TL_IMAGE_CACHE: '', TORCH_TL_CACHE_LIMIT: limit },
  };
}

type Setting = ReturnType<typeof setting>;

async function run(out: string, { cwd, env }: Setting, ...more: string[]) {
  const args = [...RUN, '--epochs', '2', '--out', out, '--device', 'cpu', '--precision', 'fp32', ...more];
  const { code, stdout, stderr } = await torchTl(args, { cwd, env });
  expect(code, stderr).toBe(0);
  const { epochs } = JSON.parse(stdout) as RunResults;
  return {
    cache: stderr.match(/^Feature cache: .*$/gm) ?? [],
    losses: epochs.map(({ trainLoss, validLoss }) => [trainLoss, validLoss]),
  };
}

async function json<Report>(args: string[], { cwd, env }: Setting): Promise<Report> {
  const { code, stdout, stderr } = await torchTl(['cache', ...args, '--json'], { cwd, env });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Report;
}

function write(path: string, bytes: number): string {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, Buffer.alloc(bytes, 1));
  return path;
}

describe('features are kept by default', () => {
  test('the second run finds them, whatever its seed and limits, and has the same losses', async () => {
    const own = setting();
    const first = await run('first', own);
    const kept = join(own.cache, 'features');
    expect(first.cache).toEqual([
      `Feature cache: flatten output for training images, 123 kB in memory, kept in ${kept}`,
      `Feature cache: flatten output for validation images, 41 kB in memory, kept in ${kept}`,
    ]);
    const second = await run('second', own);
    expect(second.cache.map((line) => line.split(', ').at(-1))).toEqual([
      `found in ${kept}`,
      `found in ${kept}`,
    ]);
    const without = await run('without', own, '--no-feature-cache');
    expect(without.cache).toEqual([]);
    for (const { losses } of [second, without]) expect(losses).toEqual(first.losses);
    const fewer = await run('fewer', own, '--limit-train', '20', '--seed', '7');
    expect(fewer.cache.join()).toContain(`82 kB in memory, found in ${kept}`);
    const more = await run('more', own, '--limit-train', '40');
    expect(more.cache.join()).toContain(`164 kB in memory, 10 of 40 computed, kept in ${kept}`);
    expect(readdirSync(kept)).toHaveLength(2);

    const { caches, limit } = await json<CacheListReport>(['list'], own);
    expect(limit).toBe(1e9);
    expect(caches.map(({ kind, of }) => [kind, of])).toEqual([
      ['features', 'flatten output [1024] of 10 images of 32 pixels, weights tiny-imagenet-distilled, fp32'],
      ['features', 'flatten output [1024] of 40 images of 32 pixels, weights tiny-imagenet-distilled, fp32'],
    ]);
  });

  test('but not with a limit of 0, nor above the limit, which is said', async () => {
    const none = setting('0');
    expect((await run('none', none)).cache).toContain(
      'Feature cache: flatten output for training images, 123 kB in memory',
    );
    expect(existsSync(none.cache)).toBe(false);
    const { cache } = await run('small', setting('20kB'));
    expect(cache.join()).toContain('in memory, not kept: they are larger than the limit of 20000 bytes');
  });

  test('a limit that is no size is wrong use, before anything is written', async () => {
    const { cwd, env } = setting('much');
    const { code, stderr } = await torchTl([...RUN, '--out', 'run'], { cwd, env });
    expect(code).toBe(2);
    expect(stderr).toMatch(/TORCH_TL_CACHE_LIMIT must be a size such as 10GB, 500MB .*, not 'much'/);
    expect(readdirSync(cwd)).toEqual([]);
    const doctor = await torchTl(['doctor'], { cwd, env });
    expect(doctor.stdout).toMatch(/^Features +TORCH_TL_CACHE_LIMIT must be a size/m);
    const valid = await torchTl(['doctor'], { cwd, env: { ...env, TORCH_TL_CACHE_LIMIT: '2.5GB' } });
    expect(valid.stdout).toMatch(/^Features +kept in \S+, at most 2.5 GB \(TORCH_TL_CACHE_LIMIT\)$/m);
  });
});

describe('torch-tl cache', () => {
  /** One of each kind of cache, made up. */
  function filled(): Setting {
    const own = setting();
    write(join(own.cache, 'features', 'one.features'), 2000);
    write(join(own.cache, 'features', '.torch-tl-features-12'), 100);
    write(join(own.cache, 'weights', 'densenet121-a639ec97.pth'), 3000);
    write(join(own.cache, 'weights', 'other.pth.part'), 100);
    write(join(own.cache, 'cifar10', 'cifar-10-batches-bin', 'test_batch.bin'), 4000);
    write(join(own.cache, 'cifar10.tar.gz.part'), 100);
    write(join(own.cache, 'engines-0.1.0-linux-x64', 'libtorch-2.13', 'engine.node'), 100);
    writeLookalike(join(own.cache, 'libtorch-2.13.0+cpu', 'torch'));
    write(join(own.cache, 'libtorch-shared-2.13.0.zip.part'), 100);
    write(join(own.cache, 'mine'), 100);
    return own;
  }

  test('lists every kind with size and age, and clears those that are named', async () => {
    const own = filled();
    const { caches, directory } = await json<CacheListReport>(['list'], own);
    expect(directory).toBe(own.cache);
    expect(caches.map(({ kind }) => kind)).toEqual([
      ...['features', 'libtorch', 'engines', 'weights', 'cifar10'],
      ...['partial', 'partial', 'partial', 'partial'],
    ]);
    expect(caches.find(({ kind }) => kind === 'weights')).toMatchObject({
      of: 'imagenet-torchvision',
      bytes: 3000,
      inUse: false,
    });
    const { stdout } = await torchTl(['cache', 'list'], own);
    expect(stdout).toMatch(
      /^features +2 kB +[\d.]+ s ago +not a file of features \(features\/one\.features\)$/m,
    );
    expect(stdout).toMatch(/^features: features of frozen layers, 2 kB of at most 1.0 GB$/m);

    const { removed, inUse } = await json<CacheClearReport>(['clear', 'weights', 'features'], own);
    expect(removed.map(({ kind }) => kind)).toEqual(['features', 'weights']);
    expect(inUse).toEqual([]);
    expect(readdirSync(join(own.cache, 'weights'))).toEqual(['other.pth.part']);

    const all = await torchTl(['cache', 'clear', '--yes'], own);
    expect(all.stdout).toMatch(/^Removed libtorch .*2\.13\.0\+cpu/m);
    // What is not torch-tl's stays.
    expect(readdirSync(own.cache).sort()).toEqual(['features', 'mine', 'weights']);
    expect((await json<CacheListReport>(['list'], own)).caches).toEqual([]);
  });

  test('removes everything only after a yes, and no unknown kind', async () => {
    const own = filled();
    const asked = await torchTl(['cache', 'clear'], own);
    expect([asked.code, asked.stdout]).toEqual([2, '']);
    expect(asked.stderr).toMatch(/would remove everything in \S+cache, 10 kB\. Name what to remove .* --yes/);
    const wrong = await torchTl(['cache', 'clear', 'feature'], own);
    expect(wrong.code).toBe(2);
    const age = await torchTl(['cache', 'clear', 'features', '--older-than', '3x'], own);
    expect(age.code).toBe(2);
    expect(age.stderr).toContain('An age is a number with h, d or w');
    expect(statSync(join(own.cache, 'features', 'one.features')).size).toBe(2000);
  });

  test('--older-than goes by the last use', async () => {
    const own = filled();
    const old = write(join(own.cache, 'features', 'two.features'), 100);
    const then = Date.now() / 1000 - 40 * 24 * 3600;
    utimesSync(old, then, then);
    const month = ['--older-than', '30d'];
    const { caches } = await json<CacheListReport>(['list', ...month], own);
    expect(caches.map(({ path }) => path)).toEqual([old]);
    const { removed } = await json<CacheClearReport>(['clear', 'features', ...month], own);
    expect(removed.map(({ path }) => path)).toEqual([old]);
    expect(existsSync(join(own.cache, 'features', 'one.features'))).toBe(true);
    const { stdout } = await torchTl(['cache', 'list', ...month], own);
    expect(stdout).toContain('holds nothing of torch-tl that has been unused for so long');
  });

  test('leaves what another process holds, and says so', async () => {
    const own = filled();
    await writeImages(own.cwd, { 'images/rose/1.png': RED, 'images/sky/1.png': BLUE });
    const features = join(own.cache, 'features', 'one.features');
    const lock = new URL('../../dist/files/file-lock.js', import.meta.url).href;
    // One cache is held by a lock, as a reader of features has it, one by a training on its images.
    const text = `
      import { Dataset, DenseNet121 } from 'torch-tl';
      const { lockFile } = await import(${JSON.stringify(lock)});
      globalThis.held = lockFile(${JSON.stringify(features)});
      const data = await Dataset.fromFolder('images', { imageSize: 32 });
      const model = await DenseNet121.create({ head: 'linear', classes: data.classes, imageSize: 32, weights: null });
      const endless = { epochs: 1_000_000, earlyStoppingPatience: 'off', freeze: 'backbone', featureCache: false };
      await model.fit(data, { valid: data, ...endless, onBatch: () => console.log('held') }).result;`;
    const { root } = locateLibTorch(builtMinors(packageRoot));
    const kinds = ['clear', 'features', 'images'];
    let clear: Promise<CacheClearReport> | undefined;
    const { stderr } = await program(text, {
      cwd: own.cwd,
      env: { ...own.env, TORCH_TL_LIBTORCH: root },
      onOutput: (stdout, kill) => {
        if (!stdout.includes('held')) return;
        clear ??= json<CacheClearReport>(kinds, own).finally(() => kill('SIGKILL'));
      },
    });
    const report = await clear;
    expect(
      report?.inUse.map(({ kind, inUse }) => [kind, inUse]),
      stderr,
    ).toEqual([
      ['features', true],
      ['images', true],
    ]);
    expect(report?.removed).toEqual([]);
    const after = await json<CacheClearReport>(kinds, own);
    expect(after.removed.map(({ kind }) => kind)).toEqual(['features', 'images']);
    expect(after.removed[1]?.of).toBe(`${join(own.cwd, 'images')} at 32 pixels, cover`);
    expect(readdirSync(join(own.cache, 'images'))).toEqual([]);
  });
});
