import { copyFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { DataCheck } from '../../lib/data/check/check.ts';
import { Dataset } from '../../lib/data/dataset.ts';
import type { ImageInput } from '../../lib/data/decoding/decode.ts';
import { scene, scenesIn, writeScenes } from '../support/scenes.ts';
import { pretrainedModel, smallData } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describe('Dataset.check finds', () => {
  test('exact and near twins, across parts and labels, and nothing else', async () => {
    const directory = temporaryDirectory();
    await writeScenes(directory, {
      ...scenesIn('train/ant', 0, 8),
      ...scenesIn('train/bee', 100, 8),
      ...scenesIn('valid/ant', 200, 3),
      ...scenesIn('valid/bee', 300, 3),
      'train/bee/resaved.png': [1, (image) => image.png({ compressionLevel: 1 })],
      'train/ant/small.png': [2, (image) => image.resize(40, 40)],
      'train/ant/recoded.jpg': [3, (image) => image.jpeg({ quality: 40 })],
      'valid/bee/mirrored.png': [4, (image) => image.flop()],
      'valid/bee/bright.png': [101, (image) => image.linear(1.2, 4)],
    });
    copyFileSync(join(directory, 'train/ant/0.png'), join(directory, 'valid/ant/copy.png'));
    const { exactTwins, nearTwins, warnings, ...check } = await checked(directory);
    expect(check).toMatchObject({ train: 19, valid: 9, undecodable: [], smallClasses: ['ant', 'bee'] });
    expect(check.classes).toEqual([
      { name: 'ant', train: 10, valid: 4 },
      { name: 'bee', train: 9, valid: 5 },
    ]);
    expect(exactTwins.map(summary).sort()).toEqual([
      'ant/0.png + ant/copy.png across parts',
      'ant/1.png + bee/resaved.png across labels',
    ]);
    expect(nearTwins?.map(summary).sort()).toEqual([
      'ant/2.png + ant/small.png',
      'ant/3.png + ant/recoded.jpg',
      'ant/4.png + bee/mirrored.png across parts across labels mirrored',
      'bee/1.png + bee/bright.png across parts',
    ]);
    for (const pair of nearTwins ?? []) {
      expect(pair.correlation).toBeGreaterThan(0.95);
      expect(pair.cosine).toBeGreaterThan(0.6);
    }
    expect(warnings.find(({ kind }) => kind === 'twins-across-parts')?.message).toMatch(
      /^1 of 9 validation images is an exact twin of training images \(ant.copy.png of ant.0.png\)/,
    );
  });

  test('formats, modes and sizes, and images that cannot be decoded', async () => {
    const directory = temporaryDirectory();
    await writeScenes(directory, {
      ...scenesIn('ant', 0, 2),
      'ant/grey.png': [10, (image) => image.toColourspace('b-w')],
      'ant/alpha.png': [11, (image) => image.ensureAlpha(0.5)],
      'ant/wide.webp': [12, (image) => image.resize(100, 50, { fit: 'fill' })],
      'bee/cmyk.jpg': [13, (image) => image.toColourspace('cmyk').jpeg()],
      'bee/turned.jpg': [
        14,
        (image) => image.resize(80, 40, { fit: 'fill' }).withExif({}).withMetadata({ orientation: 6 }),
      ],
      'bee/deep.png': [15, (image) => image.toColourspace('rgb16')],
    });
    writeFileSync(join(directory, 'bee/broken.jpg'), 'no image');
    const data = await Dataset.fromFolder(directory, { imageSize: 32, skipCorrupt: true });
    onTestFinished(() => data.dispose());
    const { files, undecodable, nearTwins, valid, warnings } = await data.check();
    expect(files).toMatchObject({
      formats: { png: 5, jpeg: 2, webp: 1 },
      modes: { grey: 1, alpha: 1, cmyk: 1, turned: 1, '16-bit': 1, 'several-frames': 0 },
      width: { min: 40, median: 64, max: 100 },
      height: { min: 50, median: 64, max: 80 },
    });
    expect(undecodable).toEqual([
      { path: join(directory, 'bee/broken.jpg'), reason: expect.stringContaining('not an image') },
    ]);
    expect([nearTwins, valid, warnings]).toEqual([null, null, []]);
  });

  test('broken links of both parts, and those of parts of one folder once', async () => {
    const directory = temporaryDirectory();
    await writeScenes(directory, {
      ...scenesIn('train/ant', 0, 4),
      ...scenesIn('train/bee', 100, 4),
      ...scenesIn('valid/ant', 200, 1),
      ...scenesIn('valid/bee', 300, 1),
    });
    for (const part of ['train', 'valid'])
      symlinkSync('/nowhere', join(directory, part, 'ant', `${part}-link`));
    const train = await Dataset.fromFolder(join(directory, 'train'), { imageSize: 32 });
    const valid = await Dataset.fromFolder(join(directory, 'valid'), { like: train });
    const [first, rest] = train.split(0.5);
    onTestFinished(() => {
      for (const data of [train, valid, first, rest]) data.dispose();
    });
    const linksIn = ({ warnings }: DataCheck) => warnings.find(({ kind }) => kind === 'links')?.message;
    expect(linksIn(await train.check({ valid }))).toMatch(/train-link, .*valid-link\.$/);
    expect(linksIn(await first.check({ valid: rest }))?.split('train-link')).toHaveLength(2);
  });

  test('little in images from the program, of which one class has one image', async () => {
    const images: ImageInput[] = [];
    for (let number = 0; number < 4; number++) images.push(await (await scene(number)).toBuffer());
    images.push(images[0] as ImageInput);
    const data = await Dataset.fromImages(images, ['a', 'b', 'b', 'b', 'b'], { imageSize: 32 });
    onTestFinished(() => data.dispose());
    const check = await data.check();
    expect(check).toMatchObject({ files: null, classes: [{ name: 'a', train: 1, valid: 0 }, { train: 4 }] });
    expect(check.exactTwins.map(summary)).toEqual(['image 1 + image 5 across labels']);
  });

  test('nearly all planted twins among photographs, and hardly anything else', async () => {
    const { train } = await smallData(200, 1);
    const images: ImageInput[] = [];
    for (let index = 0; index < train.count; index++) images.push(await raw(train, index));
    const changes = [
      (image: Sharp) => image.resize(20, 20),
      (image: Sharp) => image.flop().jpeg({ quality: 60 }),
      (image: Sharp) => image.linear(1.2, 0),
    ];
    const planted = 45;
    for (let index = 0; index < planted; index++) {
      const { data, ...size } = await raw(train, index);
      const change = changes[index % changes.length] as (image: Sharp) => Sharp;
      images.push(
        await change(sharp(data, { raw: size }))
          .toFormat('png')
          .toBuffer(),
      );
    }
    const data = await Dataset.fromImages(
      images,
      images.map(() => 'any'),
      { imageSize: 64 },
    );
    onTestFinished(() => data.dispose());
    const model = await pretrainedModel({ imageSize: 64 });
    const { nearTwins } = await data.check({ model });
    const pairs = (nearTwins ?? []).map(({ images: [first, second] }) => [first.index, second.index]);
    const found = pairs.filter(([first, second]) => second === (first as number) + train.count);
    expect(found.length).toBeGreaterThanOrEqual(planted - 1);
    expect(pairs.length - found.length).toBeLessThanOrEqual(1);
  });
});

test('a check refuses validation images of other classes, and what is no model', async () => {
  const { train } = await smallData(6, 6);
  const other = await Dataset.fromImages([await raw(train, 0)], ['else'], { imageSize: 32 });
  onTestFinished(() => other.dispose());
  await expect(train.check({ valid: other })).rejects.toThrow(
    'valid must be a data set with the classes airplane',
  );
  await expect(train.check({ model: {} as never })).rejects.toThrow('model must be a DenseNet121');
  const signal = AbortSignal.abort(new Error('stopped'));
  await expect(train.check({ signal })).rejects.toThrow('stopped');
});

async function checked(directory: string): Promise<DataCheck> {
  const train = await Dataset.fromFolder(join(directory, 'train'), { imageSize: 64 });
  const valid = await Dataset.fromFolder(join(directory, 'valid'), { like: train });
  const model = await pretrainedModel({ imageSize: 64 });
  onTestFinished(() => {
    train.dispose();
    valid.dispose();
  });
  return train.check({ valid, model });
}

function summary(twins: DataCheck['exactTwins'][number] & { mirrored?: boolean }): string {
  const notes = [
    ...(twins.acrossParts ? [' across parts'] : []),
    ...(twins.acrossLabels ? [' across labels'] : []),
    ...(twins.mirrored ? [' mirrored'] : []),
  ];
  return twins.images.map(({ path }) => path).join(' + ') + notes.join('');
}

async function raw(data: Dataset, index: number) {
  const { imageSize: side } = data;
  return { data: await data.pixelsAt(index), width: side, height: side, channels: 3 } as const;
}
