import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Dataset, type FolderOptions, type ImagesOptions } from '../../lib/data/dataset.ts';
import { openDatasets } from '../../lib/data/open-datasets.ts';
import { BLUE, bands, encode, GREEN, RED, writeImages } from '../support/images.ts';
import { smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const DISPOSED = expect.objectContaining({ code: 'DISPOSED' });

describe('Dataset.fromFolder', () => {
  test('reads labelled images', async () => {
    const directory = await flowers();
    const data = await Dataset.fromFolder(directory, { imageSize: 48 });
    expect(data).toMatchObject({
      classes: ['daisy', 'rose', 'tulip'],
      count: 6,
      imageSize: 48,
      resize: 'cover',
    });
    expect(data).toMatchObject({ source: directory });
    expect([...data.labels]).toEqual([0n, 0n, 1n, 1n, 2n, 2n]);
  });

  test('has classes, size and resize of the data set it shall be like', async () => {
    const train = await Dataset.fromFolder(await flowers(), { imageSize: 40, resize: 'contain' });
    const directory = temporaryDirectory();
    await writeImages(directory, { 'tulip/1.png': BLUE });
    const valid = await Dataset.fromFolder(directory, { like: train });
    expect(valid).toMatchObject({ classes: train.classes, imageSize: 40, resize: 'contain', count: 1 });
    expect([...valid.labels]).toEqual([2n]);
  });

  test('takes a limited number of images, spread over the classes', async () => {
    const data = await Dataset.fromFolder(await flowers(), { imageSize: 32, limit: 4 });
    expect([...data.labels]).toEqual([0n, 0n, 1n, 2n]);
  });

  test.each<[string, object, string]>([
    ['no size', {}, 'imageSize must be the side of the images in pixels, not undefined'],
    ['a small size', { imageSize: 31 }, 'imageSize must be an integer from 32 to 4096, not 31'],
    [
      'an unknown resize',
      { imageSize: 32, resize: 'crop' },
      "resize must be cover, contain or stretch, not 'crop'",
    ],
    ['a limit of none', { imageSize: 32, limit: 0 }, 'limit must be an integer from 1 to 1000000000'],
    ['a like that is none', { like: {} }, 'like must be a Dataset'],
    ['a misspelt option', { imagesize: 32 }, "did you mean 'imageSize'?"],
  ])('refuses %s', async (_, options, message) => {
    await expect(Dataset.fromFolder('/nowhere', options as FolderOptions)).rejects.toThrow(invalid(message));
  });

  test('refuses a directory that is none', async () => {
    await expect(Dataset.fromFolder(7 as never, { imageSize: 32 })).rejects.toThrow(
      invalid('directory must be a path'),
    );
  });
});

describe('Dataset.fromImages', () => {
  const options = { imageSize: 32 };

  test('takes files, encoded bytes and pixels', async () => {
    const path = join(await flowers(), 'rose/1.png');
    const bytes = await encode(bands([GREEN], 50, 40))
      .jpeg()
      .toBuffer();
    const images = [path, bytes, new Uint8Array(bytes), bands([BLUE], 64, 64)];
    const data = await Dataset.fromImages(images, ['rose', 'daisy', 'daisy', 'tulip'], options);
    expect(data).toMatchObject({
      classes: ['daisy', 'rose', 'tulip'],
      count: 4,
      imageSize: 32,
      name: 'images',
    });
    expect([...data.labels]).toEqual([1n, 0n, 0n, 2n]);
  });

  test('takes indices into given classes', async () => {
    const images = [bands([RED], 32, 32), bands([BLUE], 32, 32)];
    const classes = ['tulip', 'rose', 'daisy'];
    const named = { ...options, classes, name: 'garden' };
    const data = await Dataset.fromImages(images, [2, 0], named);
    expect(data).toMatchObject({ classes, name: 'garden' });
    expect([...data.labels]).toEqual([2n, 0n]);
    expect([...(await Dataset.fromImages(images, ['daisy', 'rose'], named)).labels]).toEqual([2n, 1n]);
  });

  test.each<[string, unknown, unknown, object, string]>([
    ['no list', 'a.png', ['a'], {}, 'images must be a list of images'],
    ['no images', [], [], {}, 'images must be a list of at least one image'],
    ['what is no image', [{}], ['a'], {}, 'images[0] must be a path, the bytes of a file, or'],
    [
      'pixels of another size than they say',
      [{ data: new Uint8Array(11), width: 2, height: 2, channels: 3 }],
      ['a'],
      {},
      'images[0] must be',
    ],
    ['too few labels', ['a.png', 'b.png'], ['a'], {}, 'labels must be a list of 2 labels'],
    ['numbers without classes', ['a.png'], [0], {}, 'classes must be a list of names if labels are numbers'],
    [
      'a number out of range',
      ['a.png'],
      [2],
      { classes: ['a', 'b'] },
      'labels must be either all class names, or all integers from 0 to 1',
    ],
    ['labels of two kinds', ['a.png', 'b.png'], ['a', 0], { classes: ['a', 'b'] }, "not 'a'"],
    ['an unknown label', ['a.png'], ['rosse'], { classes: ['rose'] }, "'rosse' (did you mean 'rose'?)"],
    ['a class twice', ['a.png'], ['a'], { classes: ['a', 'a'] }, 'classes must be a list of distinct names'],
  ])('refuses %s', async (_, images, labels, more, message) => {
    const made = Dataset.fromImages(
      images as never,
      labels as never,
      { ...options, ...more } as ImagesOptions,
    );
    await expect(made).rejects.toThrow(invalid(message));
  });
});

describe('Dataset.split', () => {
  test('gives two data sets that live on without the first', async () => {
    const data = await Dataset.fromFolder(await flowers(), { imageSize: 32 });
    const [first, rest] = data.split(0.5, { seed: 1 });
    data.dispose();
    for (const part of [first, rest]) {
      expect(part).toMatchObject({ classes: data.classes, name: data.name, imageSize: 32, resize: 'cover' });
      expect([...part.labels]).toEqual([0n, 1n, 2n]);
    }
  });

  test('works for CIFAR-10 too', async () => {
    const { train } = await Dataset.cifar10('sample', { train: 40, valid: 1 });
    const [first, rest] = train.split(0.75);
    expect([first.count, rest.count]).toEqual([30, 10]);
  });

  test('refuses a wrong fraction, seed or option, and a disposed data set', async () => {
    const data = await Dataset.fromFolder(await flowers(), { imageSize: 32 });
    expect(() => data.split(1)).toThrow(invalid('fraction must be a number between 0 and 1'));
    expect(() => data.split(0.5, { seed: -1 })).toThrow(
      invalid('seed must be an integer from 0 to 9007199254740991'),
    );
    expect(() => data.split(0.5, { sed: 1 } as never)).toThrow(invalid("did you mean 'seed'?"));
    data.dispose();
    expect(() => data.split(0.5)).toThrow(DISPOSED);
  });
});

describe('openDatasets', () => {
  test('reads CIFAR-10 and folders of images alike', async () => {
    const cifar10 = await openDatasets('sample', { imageSize: 155, limits: { train: 20, valid: 10 } });
    expect(cifar10).toMatchObject({
      validation: 'test_batch.bin',
      train: { count: 20, imageSize: 32, resize: null },
    });
    const directory = temporaryDirectory();
    await writeImages(directory, { 'train/a/1.png': RED, 'train/b/1.png': BLUE, 'val/b/1.png': BLUE });
    const folder = await openDatasets(directory, { imageSize: 40, resize: 'stretch' });
    expect(folder).toMatchObject({
      validation: 'val/',
      train: { classes: ['a', 'b'], count: 2, imageSize: 40, resize: 'stretch' },
      valid: { classes: ['a', 'b'], count: 1 },
    });
  });
});

describe('a model', () => {
  test('trains on no images that were made square in another way than its own', async () => {
    const train = await Dataset.fromFolder(await flowers(), { imageSize: 32, resize: 'stretch' });
    const { classes } = train;
    const model = await smallModel({ classes });
    expect(() => model.fit(train, { valid: train })).toThrow(
      invalid("resize 'stretch', but the model uses 'cover'"),
    );
    const same = await smallModel({ classes, resize: 'stretch' });
    same.freeze();
    expect((await same.fit(train, { valid: train, epochs: 1 }).result).epochs).toHaveLength(1);
  });
});

/** Two images each of three classes. */
async function flowers(): Promise<string> {
  const directory = temporaryDirectory();
  const classes = { tulip: RED, rose: GREEN, daisy: BLUE };
  for (const [name, colour] of Object.entries(classes)) {
    await writeImages(directory, { [`${name}/1.png`]: colour, [`${name}/2.jpg`]: colour });
  }
  return directory;
}

function invalid(message: string) {
  return expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) });
}
