import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { openData } from '../../lib/data/source.ts';
import { writeImages } from '../support/images.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * A model that has a class of which it saw no image rarely predicts it, and nothing says so. Whichever way data comes
 * to have such a class, it is refused, or the class is not one of the model's.
 */

/** Writes images, no two of which are equal, and files that are no images. */
async function pictures(images: readonly string[], broken: readonly string[] = []): Promise<string> {
  const directory = temporaryDirectory();
  await writeImages(directory, Object.fromEntries(images.map((path, index) => [path, [8 * index, 90, 90]])));
  for (const path of broken) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), 'no image');
  }
  return directory;
}

const several = (folder: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${folder}/${index}.png`);

const open = (source: string, skipCorrupt = false) =>
  openData(source, { imageSize: 32, skipCorrupt, imageCache: false });

describe('every class is trained on', () => {
  test('of one image too', async () => {
    const directory = await pictures([...several('ant', 5), 'bee/1.png', 'cat/1.png', 'dog/1.png']);
    const { train, valid } = await open(directory);
    expect(new Set(train.labels)).toEqual(new Set([0n, 1n, 2n, 3n]));
    expect(valid.count).toBe(1);
  });

  test('not if each has one image: nothing is left to validate with', async () => {
    const directory = await pictures(['ant/1.png', 'bee/1.png']);
    await expect(open(directory)).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: expect.stringContaining('has one image of each class'),
      atCommandLine: expect.stringContaining('--valid none'),
    });
  });

  test('nor if those that were drawn for training cannot be decoded', async () => {
    const parts = [...several('train/ant', 3), ...several('valid/ant', 3), ...several('valid/bee', 3)];
    const directory = await pictures(parts, several('train/bee', 2));
    await expect(open(directory, true)).rejects.toThrow(`No training image of bee in ${directory}`);
  });

  test('and a class of a split that is not used is no class', async () => {
    const images = [...several('ant', 3), ...several('bee', 3), ...several('cat', 3), ...several('ape', 1)];
    const directory = await pictures(images);
    const splits = ['train', 'valid', 'test'];
    const rows = images.map((path, index) => {
      const label = dirname(path);
      const split = label === 'ape' || label === 'cat' ? 'test' : splits[index % 3];
      return `${path},${label},${split}`;
    });
    const list = join(directory, 'list.csv');
    writeFileSync(list, ['path,label,split', ...rows.reverse()].join('\n'));
    const { classes, train, valid } = await open(list);
    expect(classes).toEqual(['ant', 'bee']);
    const named = ({ files, labels }: typeof train) =>
      [...labels].map((label, index) => [dirname(files?.[index] ?? ''), classes[Number(label)]]);
    for (const set of [train, valid])
      for (const [folder, label] of named(set)) expect(folder).toBe(join(directory, label as string));
  });

  test('of images from a program, of which some cannot be decoded', async () => {
    const directory = await pictures(['ant/1.png'], ['bee/1.png']);
    const images = ['ant/1.png', 'bee/1.png'].map((path) => join(directory, path));
    const read = Dataset.fromImages(images, ['ant', 'bee'], { imageSize: 32, skipCorrupt: true });
    await expect(read).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: 'No image of bee in images given by the program can be decoded.',
    });
  });
});
