import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { identityOf } from '../../lib/data/decoding/read-pixels.ts';
import { fileTwinKeys } from '../../lib/data/file-twins.ts';
import type { ImageSet, StoredImageSet } from '../../lib/data/image-set.ts';
import { twinsAcross } from '../../lib/data/twin-warning.ts';
import { findTwinKeys, twinKeys } from '../../lib/data/twins.ts';
import { BLUE, bands, GREEN, RED } from '../support/images.ts';
import { smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const BYTES = 4 * 4 * 3;

/** Images of 4 x 4 pixels: all of one value but for the very last byte. */
function images(...lastBytes: number[]): ImageSet {
  const pixels = new Uint8Array(lastBytes.length * BYTES).fill(7);
  for (const [index, value] of lastBytes.entries()) pixels[(index + 1) * BYTES - 1] = value;
  return {
    pixels,
    labels: new BigInt64Array(lastBytes.length),
    count: lastBytes.length,
    height: 4,
    width: 4,
  };
}

/** The same in a file, in another order. */
function stored({ pixels, ...set }: ImageSet): StoredImageSet {
  const file = join(temporaryDirectory(), 'pixels');
  const reversed = Array.from({ length: set.count }, (_, index) => set.count - 1 - index);
  writeFileSync(
    file,
    Buffer.concat(reversed.map((index) => pixels.subarray(index * BYTES, (index + 1) * BYTES))),
  );
  const identity = identityOf(statSync(file, { bigint: true }));
  return { ...set, file, identity, places: BigInt64Array.from(reversed, BigInt) };
}

describe('twinKeys', () => {
  test.each([
    ['in memory', (set: ImageSet) => set],
    ['in a file', stored],
  ])('are equal for equal pixels %s, to the last byte, over several sets', async (_, kept) => {
    const sets = [kept(images(1, 2, 3, 1)), kept(images(3, 4))];
    const keys = twinKeys(sets);
    expect(keys.map((key) => key !== null)).toEqual([true, false, true, true, true, false]);
    expect([keys[0] === keys[3], keys[2] === keys[4], keys[0] === keys[2]]).toEqual([true, true, false]);
    expect(await findTwinKeys(sets)).toEqual(keys);
    await expect(findTwinKeys(sets, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
  });

  test('say that the file was cut off', () => {
    const set = stored(images(1, 2));
    writeFileSync(set.file, new Uint8Array(BYTES));
    expect(() => twinKeys([set])).toThrow('was truncated in the meantime');
  });
});

test('fileTwinKeys are equal for files with the same bytes; a missing file has none', async () => {
  const directory = temporaryDirectory();
  const files = ['a', 'b', 'c', 'd', 'gone', 'empty', 'empty too'].map((name) => join(directory, name));
  for (const [index, text] of ['same', 'same', 'size', 'other', null, '', ''].entries()) {
    if (text !== null) writeFileSync(files[index] as string, text);
  }
  const keys = await fileTwinKeys(files);
  expect(keys[0]).toBe(keys[1]);
  expect(keys.map((key) => key !== null)).toEqual([true, true, false, false, false, false, false]);
  expect(await fileTwinKeys(files)).toEqual(keys);
  writeFileSync(files[2] as string, 'same');
  expect((await fileTwinKeys(files))[2]).toBe(keys[0]);
});

describe('validation images that are trained on', () => {
  async function dataOf(...colours: Array<typeof RED>): Promise<Dataset> {
    const pixels = colours.map((colour) => bands([colour, RED], 32, 32));
    const data = await Dataset.fromImages(
      pixels,
      colours.map(() => 'a'),
      { imageSize: 32, classes: ['a', 'b'] },
    );
    onTestFinished(() => data.dispose());
    return data;
  }
  const MESSAGE =
    '1 of 2 validation images is an exact twin of training images (image 2 of image 1), which makes a model look ' +
    'better than it is. Remove them on one side.';

  test('are named; a set that is both is meant', async () => {
    const train = await dataOf(RED, GREEN);
    expect(await twinsAcross(train, await dataOf(BLUE, RED))).toBe(MESSAGE);
    expect(await twinsAcross(train, await dataOf(BLUE))).toBeNull();
    expect(await twinsAcross(train, train)).toBeNull();
  });

  test('are told by fit, to its callback or as a process warning', async () => {
    const [train, valid] = [await dataOf(RED, GREEN), await dataOf(BLUE, RED)];
    const model = await smallModel({ classes: ['a', 'b'] });
    model.freeze();
    const heard: unknown[] = [];
    const options = { valid, epochs: 1, batchSize: 2 };
    await model.fit(train, { ...options, onWarning: (warning) => heard.push(warning) }).result;
    expect(heard).toEqual([{ kind: 'twins-across-parts', message: MESSAGE }]);
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    await model.fit(train, options).result;
    expect(await warned).toMatchObject({
      name: 'DataWarning',
      code: 'TORCH_TL_TWINS_ACROSS_PARTS',
      message: MESSAGE,
    });
  });
});
