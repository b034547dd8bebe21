import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readCifar10Binary } from '../../lib/data/cifar10/binary.ts';
import { openData } from '../../lib/data/source.ts';
import { RECORD, writeBatches } from '../support/cifar10-records.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const SAMPLE = fileURLToPath(new URL('../../assets/cifar10-sample', import.meta.url));
const CIFAR10_CLASSES = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

test('batches are known by their names in any case, all of them', async () => {
  const directory = join(temporaryDirectory(), 'CIFAR-10-Batches-Bin');
  mkdirSync(directory);
  writeBatches(directory, { 'data_batch_1.bin': [1], 'Data_Batch_2.BIN': [2, 3], 'Test_batch.bin': [4] });
  for (const place of [directory, join(directory, '..')]) {
    const { train, valid } = await openData(place);
    expect([[...train.labels], [...valid.labels]]).toEqual([[1n, 2n, 3n], [4n]]);
  }
});

describe('the embedded sample', () => {
  test('has 250 training and 50 test images of each class', async () => {
    const { classes, train, valid } = await readCifar10Binary(SAMPLE);
    expect(classes).toEqual(CIFAR10_CLASSES);
    expect(train).toMatchObject({ count: 2500, height: 32, width: 32 });
    expect(valid).toMatchObject({ count: 500, height: 32, width: 32 });
    expect(countPerClass(train.labels)).toEqual(new Array(10).fill(250));
    expect(countPerClass(valid.labels)).toEqual(new Array(10).fill(50));
  });

  test('starts as CIFAR-10 does', async () => {
    const { train } = await readCifar10Binary(SAMPLE);
    expect([...train.labels.subarray(0, 10)]).toEqual([6n, 9n, 9n, 4n, 1n, 1n, 2n, 7n, 8n, 3n]);
    // The first image of CIFAR-10, a frog, at its top left and bottom right.
    expect([...train.pixels.subarray(0, 6)]).toEqual([59, 62, 63, 43, 46, 45]);
    expect([...train.pixels.subarray(3069, 3072)]).toEqual([123, 92, 72]);
  });

  test('has every pixel where the file has it, in its own plane', async () => {
    const { valid } = await readCifar10Binary(SAMPLE);
    const file = readFileSync(join(SAMPLE, 'test_batch.bin'));
    for (const image of [0, 127, 128, 499]) {
      for (const position of [0, 31, 32, 1023]) {
        const planes = image * RECORD + 1 + position;
        const expected = [0, 1, 2].map((plane) => file[planes + 1024 * plane]);
        const at = image * 3072 + 3 * position;
        expect([...valid.pixels.subarray(at, at + 3)]).toEqual(expected);
      }
    }
  });
});

describe('readCifar10Binary', () => {
  test('reads the training batches by number, not by name', async () => {
    const directory = temporaryDirectory();
    writeBatches(directory, {
      'data_batch_10.bin': [3],
      'data_batch_2.bin': [2, 2],
      'data_batch_1.bin': [1],
      'test_batch.bin': [9],
    });
    const { train, valid } = await readCifar10Binary(directory);
    expect([...train.labels]).toEqual([1n, 2n, 2n, 3n]);
    expect([...valid.labels]).toEqual([9n]);
  });

  test('keeps labels and images together over more records than are converted at once', async () => {
    const directory = temporaryDirectory();
    const labels = Array.from({ length: 300 }, (_, index) => index % 10);
    writeBatches(directory, { 'data_batch_1.bin': labels, 'test_batch.bin': [0] });
    const { train } = await readCifar10Binary(directory);
    expect([...train.labels]).toEqual(labels.map(BigInt));
    for (let index = 0; index < 300; index++) {
      const colour = [index % 256, (2 * index) % 256, (3 * index) % 256];
      const end = (index + 1) * 3072;
      expect([...train.pixels.subarray(end - 3, end)]).toEqual(colour);
    }
  });

  test('takes its own class names where there is no batches.meta.txt', async () => {
    const directory = temporaryDirectory();
    writeBatches(directory, { 'data_batch_1.bin': [0], 'test_batch.bin': [0] });
    expect((await readCifar10Binary(directory)).classes).toEqual(CIFAR10_CLASSES);
  });

  test('takes the class names of batches.meta.txt, without the blank line at its end', async () => {
    const directory = temporaryDirectory();
    const names = [...'abcdefghij'];
    writeBatches(directory, { 'data_batch_1.bin': [0], 'test_batch.bin': [0] });
    writeFileSync(join(directory, 'batches.meta.txt'), `${names.join('\r\n')}\n\n`);
    expect((await readCifar10Binary(directory)).classes).toEqual(names);
  });

  test('finds the batches in the folder that the official archive makes', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'cifar-10-batches-bin'));
    writeBatches(join(directory, 'cifar-10-batches-bin'), {
      'data_batch_1.bin': [4],
      'test_batch.bin': [5],
    });
    expect([...(await readCifar10Binary(directory)).train.labels]).toEqual([4n]);
  });
});

function countPerClass(labels: BigInt64Array): number[] {
  const counts = new Array<number>(10).fill(0);
  for (const label of labels) counts[Number(label)] = (counts[Number(label)] ?? 0) + 1;
  return counts;
}
