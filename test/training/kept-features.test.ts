import { closeSync, openSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FeatureCacheOptions, FeatureKeys, TrainEvent } from '../../lib/engine/native-training.ts';
import { tryLock } from '../../lib/files/file-lock.ts';
import { frozenModel } from '../support/frozen-model.ts';
import { featureKeys, keptIn, keysOf, numbers } from '../support/kept-features.ts';
import {
  bytesOf,
  lastWeights,
  nativeImages,
  nativeTraining,
  sampleImages,
  type TrainingOptions,
  trainOptions,
} from '../support/native.ts';
import { canMount, smallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const CUT = 'globalAveragePool';
const NOT_KEPT: FeatureCacheOptions = { directory: '/nonexistent', memoryLimit: 1 << 30, kept: null };

interface Asked {
  /** Numbers of images of the sample's training part. */
  train?: readonly number[];
  valid?: readonly number[];
  cut?: string;
  keys?: FeatureKeys;
  options?: TrainingOptions;
}

/** Images of the sample by their numbers, in that order. */
async function images(chosen: readonly number[]) {
  const all = await sampleImages('train', 60);
  const bytes = all.height * all.width * 3;
  const pixels = new Uint8Array(chosen.length * bytes);
  for (const [position, image] of chosen.entries()) {
    pixels.set(all.pixels.subarray(image * bytes, (image + 1) * bytes), position * bytes);
  }
  const labels = BigInt64Array.from(chosen, (image) => all.labels[image] as bigint);
  return nativeImages({ ...all, pixels, labels, count: chosen.length });
}

/** Trains on images whose keys are their numbers; what was computed and found, and the weights. */
async function training(featureCache: FeatureCacheOptions, asked: Asked = {}) {
  const { train = numbers(12), valid = numbers(5, 40), cut = CUT, options = {} } = asked;
  const { keys = keysFor(train, valid, cut) } = asked;
  const model = await frozenModel('norm5');
  const sets = [await images(train), await images(valid)] as const;
  const given = { featureCache, featureKeys: keys, checkpoints: true, batchSize: 5, ...options };
  const { events } = await nativeTraining(model, ...sets, given);
  const caches = events.filter((event) => event.type === 'cache');
  const passes = events.filter((event) => event.type === 'features');
  return {
    caches,
    computed: caches.map(({ computed }) => computed),
    total: passes.at(-1)?.total ?? 0,
    weights: bytesOf(lastWeights(model)),
  };
}

function keysFor(train: readonly number[], valid: readonly number[], cut: string): FeatureKeys {
  return {
    ...featureKeys(cut, { train: 0, valid: 0 }),
    train: keysOf('a', train),
    valid: keysOf('a', valid),
  };
}

const filesIn = (directory: string) =>
  readdirSync(directory).map((name) => ({ name, ...timesAndSize(join(directory, name)) }));

function timesAndSize(path: string) {
  const { mtimeMs, size } = statSync(path);
  return { mtimeMs, size };
}

describe('kept features', () => {
  test('are used by the next training, which computes nothing and has the same bits', async () => {
    const kept = keptIn(`${temporaryDirectory()}/made/when/needed`);
    const first = await training(kept);
    const second = await training(kept);
    expect([first.computed, second.computed]).toEqual([
      [12, 5],
      [0, 0],
    ]);
    expect([first.total, second.total]).toEqual([17, 0]);
    expect(first.caches.map(({ reused, place }) => [reused, place])).toEqual([
      [false, 'file'],
      [false, 'file'],
    ]);
    expect(second.caches.map(({ reused }) => reused)).toEqual([true, true]);
    expect(readdirSync(kept.directory)).toEqual([expect.stringMatching(/^a{32}-[0-9a-f]{16}\.features$/)]);
    expect(second.weights).toEqual(first.weights);
    expect(second.weights).toEqual((await training(NOT_KEPT)).weights);
  });

  test('serve any other sets with these images, and only new images are computed', async () => {
    const kept = keptIn(temporaryDirectory());
    await training(kept);
    const others: Array<[Asked, number[]]> = [
      [{ train: [3, 41, 7, 0, 44], valid: [11, 40] }, [0, 0]],
      [{ train: [...numbers(14, 2), 40, 41], valid: [42, 43, 50] }, [4, 1]],
      [{ train: [15, 3, 50, 44], valid: [13, 2] }, [0, 0]],
    ];
    for (const [asked, computed] of others) {
      const found = await training(kept, asked);
      expect(found.computed).toEqual(computed);
      expect(found.total).toBe(computed.reduce((sum, count) => sum + count, 0));
      expect(found.weights).toEqual((await training(NOT_KEPT, asked)).weights);
    }
    // The last training read both files.
    expect(readdirSync(kept.directory)).toHaveLength(2);
  });

  test('of one image that is there often, in both sets too, are computed once', async () => {
    const kept = keptIn(temporaryDirectory());
    const asked = { train: [1, 2, 1, 3, 2, 1, 4], valid: [2, 9, 9, 4] };
    const { computed, weights, caches } = await training(kept, asked);
    expect(computed).toEqual([4, 1]);
    expect(caches.map(({ reused, images: count }) => [reused, count])).toEqual([
      [false, 7],
      [false, 4],
    ]);
    expect(weights).toEqual((await training(NOT_KEPT, asked)).weights);
  });

  test('of another origin, or at another cut, are not used', async () => {
    const directory = temporaryDirectory();
    await training(keptIn(directory));
    const sets = { train: keysOf('b', numbers(12)), valid: keysOf('b', numbers(5, 40)) };
    const keys = { ...featureKeys(CUT, { train: 0, valid: 0 }), ...sets };
    expect((await training(keptIn(directory), { keys })).computed).toEqual([12, 5]);
    expect(readdirSync(directory)).toHaveLength(2);
    const elsewhere = keysFor(numbers(12), numbers(5, 40), 'denseblock2');
    const memory = keptIn(directory, { memoryLimit: 1 << 30 });
    const { caches } = await training(memory, { keys: elsewhere });
    expect(caches.map(({ place, kept }) => [place, kept])).toEqual([
      ['memory', null],
      ['memory', null],
    ]);
    expect(readdirSync(directory)).toHaveLength(2);
  });

  test('of sets with origins of their own are two files, in which nothing is shared', async () => {
    const kept = keptIn(temporaryDirectory());
    const keys: FeatureKeys = {
      ...featureKeys(CUT, { train: 0, valid: 0 }),
      train: keysOf('a', numbers(3)),
      valid: keysOf('b', numbers(3)),
    };
    const asked = { train: [5, 6, 5], valid: [5, 6, 7], keys };
    expect((await training(kept, asked)).computed).toEqual([3, 3]);
    const again = await training(kept, asked);
    expect([again.computed, again.total]).toEqual([[0, 0], 0]);
    expect(again.weights).toEqual((await training(NOT_KEPT, asked)).weights);
    expect(readdirSync(kept.directory)).toHaveLength(2);
  });
});

describe("in torch-tl's own directory", () => {
  type NotKept = [string, (directory: string) => FeatureCacheOptions, RegExp];
  const FULL: NotKept = ['without room on the disk', () => own(smallDisk(), 1e9), /has \d+ bytes free/];
  const own = (directory: string, limit: number, memoryLimit = 1 << 30): FeatureCacheOptions => ({
    ...keptIn(directory, { limit, memoryLimit }),
    directory: temporaryDirectory(),
  });

  test('features are copied to memory if there is room, and the file stays', async () => {
    const directory = temporaryDirectory();
    const first = await training(own(directory, 1e9));
    expect(first.caches.map(({ place, kept }) => [place, kept])).toEqual([
      ['memory', directory],
      ['memory', directory],
    ]);
    const found = await training(own(directory, 1e9));
    const large = await training(own(directory, 1e9, 0));
    expect([found.computed, large.computed]).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(large.caches.map(({ place }) => place)).toEqual(['file', 'file']);
    for (const { weights } of [found, large]) expect(weights).toEqual(first.weights);
  });

  test('the files that were used least recently give way to new ones', async () => {
    const directory = temporaryDirectory();
    const part = (first: number): Asked => ({ train: numbers(6, first), valid: [first + 6] });
    const [one, two, three] = [part(0), part(10), part(20)];
    await training(own(directory, 1e9), one);
    const [{ size, name: oldest } = { size: 0, name: '' }] = filesIn(directory);
    await training(own(directory, 1e9), two);
    for (const [age, { name }] of filesIn(directory).entries()) {
      const then = Date.now() / 1000 - (name === oldest ? 2000 : 1000) - age;
      utimesSync(join(directory, name), then, then);
    }
    // To use one makes it the newest.
    expect((await training(own(directory, 2 * size), one)).computed).toEqual([0, 0]);
    await training(own(directory, 2 * size), three);
    expect(filesIn(directory)).toHaveLength(2);
    expect((await training(own(directory, 2 * size), one)).computed).toEqual([0, 0]);
    expect((await training(own(directory, 2 * size), two)).computed).toEqual([6, 1]);
  });

  test.for<NotKept>([
    ['larger than the limit', (directory) => own(directory, 1000), /larger than the limit of 1000 bytes/],
    ['in a place that is no directory', () => own('/dev/null/features', 1e9), /cannot be written: Not a dir/],
    ...(canMount ? [FULL] : []),
  ])('features %s are not kept, and the event says why', async ([, options, why]) => {
    const directory = temporaryDirectory();
    const { caches, weights } = await training(options(directory));
    expect(caches.map(({ place, kept }) => [place, kept])).toEqual([
      ['memory', null],
      ['memory', null],
    ]);
    for (const { whyNotKept } of caches) expect(whyNotKept).toMatch(why);
    expect(readdirSync(directory)).toEqual([]);
    expect(weights).toEqual((await training(NOT_KEPT)).weights);
  });

  test('a file that is in use does not give way', async () => {
    const directory = temporaryDirectory();
    await training(own(directory, 1e9), { train: numbers(6), valid: [6] });
    const [{ name, size }] = filesIn(directory) as [ReturnType<typeof filesIn>[number]];
    const other = { train: numbers(6, 20), valid: [26] };
    const user = openSync(join(directory, name), 'r');
    expect(tryLock(user)).toBe('locked');
    const { caches } = await training(own(directory, size + 100), other);
    expect(caches[0]?.whyNotKept).toMatch(/in use/);
    closeSync(user);
    expect((await training(own(directory, size + 100), other)).caches[0]?.kept).toBe(directory);
    expect(filesIn(directory)).toEqual([expect.not.objectContaining({ name })]);
  });

  test('a training holds the file that it reads, until it ends', async () => {
    const directory = temporaryDirectory();
    const state = () => {
      const file = openSync(join(directory, filesIn(directory)[0]?.name ?? ''), 'r');
      try {
        return tryLock(file);
      } finally {
        closeSync(file);
      }
    };
    const [train, valid] = [numbers(12), numbers(5, 40)];
    const model = await frozenModel('norm5');
    const [images12, images5] = [await images(train), await images(valid)];
    const options = trainOptions(images12, {
      featureCache: own(directory, 1e9, 0),
      featureKeys: keysFor(train, valid, CUT),
      epochs: 1_000_000,
    });
    const seen: string[] = [];
    const onEvent = ({ type }: TrainEvent) => {
      if (type !== 'batch') return;
      seen.push(state());
      job.abort();
    };
    const job = model.train(images12, images5, options, onEvent, []);
    await expect(job.result).rejects.toBeDefined();
    expect(seen[0]).toBe('taken');
    expect(state()).toBe('locked');
  });
});
