import { describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/dataset.ts';
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
