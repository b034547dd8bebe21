import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { pixelsAt } from '../../lib/data/decoding/read-pixels.ts';
import { openData } from '../../lib/data/source.ts';
import { writeBatches } from '../support/cifar10-records.ts';
import { type Colour, GREEN, RED, writeImages } from '../support/images.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

beforeEach(() => {
  vi.stubEnv('TORCH_TL_CACHE', join(temporaryDirectory(), 'cache'));
  vi.stubEnv('TORCH_TL_DATA', '');
  return () => vi.unstubAllEnvs();
});

describe('auto', () => {
  test('is the embedded sample where nothing else is there', async () => {
    const data = await openData('auto');
    expect(data).toMatchObject({ name: 'cifar10-sample', source: 'embedded sample' });
    expect([data.train.count, data.valid.count]).toEqual([2500, 500]);
  });

  test('is the downloaded CIFAR-10 once that is in the cache', async () => {
    const downloaded = join(process.env.TORCH_TL_CACHE as string, 'cifar10');
    mkdirSync(join(downloaded, 'cifar-10-batches-bin'), { recursive: true });
    writeBatches(join(downloaded, 'cifar-10-batches-bin'), small);
    const data = await openData('auto');
    expect(data).toMatchObject({ name: 'cifar10', source: downloaded, train: { count: 2 } });
  });

  test('is the directory in TORCH_TL_DATA before all others', async () => {
    mkdirSync(join(process.env.TORCH_TL_CACHE as string, 'cifar10'), { recursive: true });
    const directory = temporaryDirectory();
    writeBatches(directory, small);
    vi.stubEnv('TORCH_TL_DATA', directory);
    expect(await openData('auto')).toMatchObject({ name: 'cifar10', source: directory });
  });

  test('puts nothing in the place of a TORCH_TL_DATA that is not there', async () => {
    const directory = join(temporaryDirectory(), 'none');
    vi.stubEnv('TORCH_TL_DATA', directory);
    await expect(openData('auto')).rejects.toMatchObject(refused('DATA_NOT_FOUND', directory));
  });

  test('puts nothing in the place of a download that is empty', async () => {
    const downloaded = join(process.env.TORCH_TL_CACHE as string, 'cifar10');
    mkdirSync(downloaded, { recursive: true });
    await expect(openData('auto')).rejects.toMatchObject(refused('DATA_NOT_FOUND', downloaded));
  });
});

describe('a name or a directory', () => {
  test('sample is the embedded sample, whatever else is there', async () => {
    vi.stubEnv('TORCH_TL_DATA', join(temporaryDirectory(), 'none'));
    expect(await openData('sample')).toMatchObject({ name: 'cifar10-sample' });
  });

  test('a relative directory is recorded by its absolute path', async () => {
    const directory = temporaryDirectory();
    writeBatches(directory, small);
    const data = await openData(relative(process.cwd(), directory));
    expect(data).toMatchObject({ name: 'cifar10', source: directory, valid: { count: 1 } });
    expect(data.classes).toHaveLength(10);
  });

  test('a misspelt name is answered with the right one', async () => {
    await expect(openData('smaple')).rejects.toMatchObject(
      refused('DATA_NOT_FOUND', `${join(process.cwd(), 'smaple')} does not exist. Did you mean 'sample'?`),
    );
  });

  test('a file is refused', async () => {
    const path = join(temporaryDirectory(), 'file');
    writeFileSync(path, '');
    await expect(openData(path)).rejects.toMatchObject(
      refused('DATA_INVALID', `${path} is a file of an unknown kind`),
    );
  });

  test.each([
    ['an empty directory', [], 'is empty; expected <class>/<image>, the same under train/ and valid/'],
    [
      'loose images',
      ['a.png', 'b.jpg'],
      'contains images, but in no folder of a class; expected <class>/<image>',
    ],
    ['other files', ['notes.txt'], 'contains no folders of images; expected <class>/<image>'],
    ["a part of CIFAR-10's batches", ['batches.meta', 'test_batch'], 'contains no data_batch_1'],
  ])('%s is refused, and it is said what is expected', async (_, names, message) => {
    const directory = temporaryDirectory();
    for (const name of names) writeFileSync(join(directory, name), '');
    await expect(openData(directory)).rejects.toMatchObject(
      refused('DATA_NOT_FOUND', `${directory} ${message}`),
    );
  });

  test('a packed archive is named and refused', async () => {
    const [file, form] = ['images.zip', 'contains an archive, images.zip'];
    const directory = temporaryDirectory();
    mkdirSync(join(directory, file, '..'), { recursive: true });
    writeFileSync(join(directory, file), '');
    await expect(openData(directory)).rejects.toMatchObject(refused('DATA_INVALID', form));
  });
});

describe('a folder of images', () => {
  const options = { imageSize: 32 };

  test('is read with its validation images, whose labels are the training classes', async () => {
    const directory = temporaryDirectory();
    await writeImages(directory, {
      ...{ 'train/ant/1.png': RED, 'train/bee/1.png': GREEN, 'train/bee/2.png': GREEN },
      ...{ 'test/ant/1.png': RED, 'valid/bee/1.png': GREEN },
    });
    const data = await openData(directory, { ...options, resize: 'contain' });
    expect(data).toMatchObject({ name: basename(directory), source: directory, classes: ['ant', 'bee'] });
    expect(data).toMatchObject({ validation: 'valid/', resize: 'contain', train: { count: 3, width: 32 } });
    expect([...data.valid.labels]).toEqual([1n]);
    expect([...(await pixelsAt(data.valid, 0)).subarray(0, 3)]).toEqual(GREEN);
    expect(await openData(directory, { ...options, limits: { train: 2 } })).toMatchObject({
      train: { count: 2 },
    });
  });

  test('holds out a fifth of each class where it has none, drawn from the seed, and says so', async () => {
    const directory = temporaryDirectory();
    for (let index = 0; index < 5; index++) {
      const colour: Colour = [50 * index, 0, 0];
      await writeImages(directory, { [`train/a/${index}.png`]: colour, [`train/b/${index}.png`]: colour });
    }
    const seeds = [0, 1, 2, 3].map((seed) => openData(directory, { ...options, seed }));
    const opened = await Promise.all(seeds);
    for (const { train, valid } of opened) {
      expect([[...train.labels], [...valid.labels]]).toEqual([
        [0n, 0n, 0n, 0n, 1n, 1n, 1n, 1n],
        [0n, 1n],
      ]);
    }
    expect(opened[3]?.validation).toBe('a fifth of each class of train/, drawn with seed 3');
    const drawn = opened.map(({ valid }) => valid.files?.join());
    expect(new Set(drawn).size).toBeGreaterThan(1);
  });

  test('without validation has all images for training, and says what is not used', async () => {
    const [plain, parted] = [temporaryDirectory(), temporaryDirectory()];
    await writeImages(plain, { 'ant/1.png': RED, 'ant/2.png': RED, 'bee/1.png': GREEN });
    await writeImages(parted, { 'train/ant/1.png': RED, 'train/bee/1.png': GREEN, 'val/wasp/1.png': GREEN });
    const listFile = join(temporaryDirectory(), 'list.csv');
    const line = (part: string, label: string) => `${join(plain, label, '1.png')},${label},${part}`;
    writeFileSync(
      listFile,
      ['path,label,split', line('train', 'ant'), line('train', 'bee'), line('dev', 'ant')].join('\n'),
    );
    const opened = await Promise.all(
      [plain, parted, listFile, 'sample'].map((spec) => openData(spec, { ...options, validation: 'none' })),
    );
    expect(opened.map(({ train, valid, validation }) => [train.count, valid.count, validation])).toEqual([
      [3, 0, 'no validation: all images are trained on'],
      [2, 0, 'no validation: val/ is not used'],
      [2, 0, 'no validation: the split dev is not used'],
      [2500, 0, 'no validation: test_batch.bin is not used'],
    ]);
    expect(opened.map(({ heldOut }) => heldOut)).toEqual([null, null, null, null]);
    expect(opened[1]?.classes).toEqual(['ant', 'bee']);
  });

  test('is refused where a validation class is unknown, and without an image size', async () => {
    const directory = temporaryDirectory();
    await writeImages(directory, { 'train/bee/1.png': RED, 'val/bees/1.png': RED });
    await expect(openData(directory, options)).rejects.toMatchObject(
      refused('DATA_INVALID', "'bees' (did you mean 'bee'?)"),
    );
    await expect(openData(directory)).rejects.toMatchObject(refused('DATA_INVALID', 'Dataset.fromFolder'));
  });
});

const small = { 'data_batch_1.bin': [1, 2], 'test_batch.bin': [3] };

function refused(code: string, text: string): object {
  return { name: 'InputError', code, message: expect.stringContaining(text) };
}
