import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import type { ImageInput } from '../../lib/data/decoding/decode.ts';
import { decodeImages } from '../../lib/data/decoding/decode-all.ts';
import { encode } from '../support/images.ts';
import { smallData, smallModel } from '../support/small-data.ts';

const DISPOSED = expect.objectContaining({ code: 'DISPOSED' });

describe('Dataset.cifar10', () => {
  test('opens the embedded sample', async () => {
    const { train, valid } = await Dataset.cifar10('sample');
    expect(train).toMatchObject({ name: 'cifar10-sample', source: 'embedded sample', count: 2500 });
    expect(valid.count).toBe(500);
    expect(train.classes).toHaveLength(10);
    expect(train.labels).toHaveLength(2500);
    train.dispose();
    valid.dispose();
  });

  test('limits each set, spread over the classes', async () => {
    const { train, valid } = await smallData(20, 10);
    expect(train.count).toBe(20);
    expect(new Set(train.labels).size).toBe(10);
    expect([...valid.labels].map(Number).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('says what is wrong with data or limit', async () => {
    await expect(Dataset.cifar10('/nowhere')).rejects.toThrow(
      expect.objectContaining({ code: 'DATA_NOT_FOUND' }),
    );
    await expect(Dataset.cifar10('sample', { train: 0 })).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
    const misspelt: object = { trian: 10 };
    await expect(Dataset.cifar10('sample', misspelt)).rejects.toThrow(
      "There is no option 'trian'; did you mean 'train'?",
    );
  });
});

describe('Dataset', () => {
  test('is used by many models, and after one of them is gone', async () => {
    const { train } = await smallData();
    const first = await smallModel();
    await first.features(train);
    first.dispose();
    const second = await smallModel();
    expect((await second.features(train)).shape[0]).toBe(train.count);
  });

  test('is refused after dispose, whether it was on the device or not', async () => {
    const { train, valid } = await smallData();
    const model = await smallModel();
    await model.features(train);
    train.dispose();
    expect(() => train.labels).toThrow(DISPOSED);
    await expect(model.features(train)).rejects.toThrow(DISPOSED);
    expect(() => model.fit(train, { valid })).toThrow(DISPOSED);
    expect(() => model.fit(valid, { valid: train })).toThrow(DISPOSED);
    valid.dispose();
    await expect(model.features(valid)).rejects.toThrow(DISPOSED);
  });
});

describe('what a data set hands out or is given', () => {
  /** Gives the memory of an array away, as postMessage does, and takes as much anew, which may lie in the same place. */
  function detach(array: Uint8Array | BigInt64Array): void {
    structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
    expect(array.length).toBe(0);
  }

  test('labels: a copy, which may be changed or sent away while a job waits', async () => {
    const { train } = await smallData();
    const model = await smallModel();
    const before = [...train.labels];
    const reference = await model.evaluate(train);
    const { train: again } = await smallData();
    const waiting = [model.features(again), model.evaluate(again)] as const;
    const labels = again.labels;
    labels.fill(9n);
    detach(labels);
    expect([...again.labels]).toEqual(before);
    await waiting[0];
    expect(await waiting[1]).toEqual(reference);
    expect(again.length).toBe(again.count);
  });

  test.each(['encoded', 'pixels'])(
    'images as %s: sent away while they are decoded, they are whole or refused',
    async (kind) => {
      const noise = Uint8Array.from({ length: 600 * 600 * 3 }, (_, index) => (index * 7919) % 251);
      const raw = { data: noise, width: 600, height: 600, channels: 3 } as const;
      const encoded = await encode(raw).png().toBuffer();
      const make = () => (kind === 'pixels' ? { ...raw, data: noise.slice() } : Uint8Array.from(encoded));
      const decode = (images: ImageInput[]) =>
        decodeImages(images, { imageSize: 32, resize: 'cover' }).catch((error: Error) => error);
      const whole = (await decode([make()])) as Uint8Array;
      for (const turns of [0, 1, 3, 10]) {
        const images = Array.from({ length: 4 }, make);
        const decoding = decode(images);
        for (let turn = 0; turn < turns; turn++) await setImmediate();
        for (const image of images) detach(image instanceof Uint8Array ? image : image.data);
        const result = await decoding;
        if (result instanceof Error) expect(result).toMatchObject({ code: 'DATA_INVALID' });
        else
          for (let index = 0; index < 4; index++) {
            expect(result.subarray(index * whole.length, (index + 1) * whole.length)).toEqual(whole);
          }
      }
    },
  );
});
