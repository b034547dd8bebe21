import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCifar10Binary } from '../../../lib/data/cifar10/binary.ts';
import type { ImageSet } from '../../../lib/data/image-set.ts';
import type { Target } from '../target.ts';

const RECORD = 3073;

/** The input is a batch for training; the one for validation is a single record. */
export const target: Target = {
  refusals: ['DATA_INVALID'],
  async read(bytes, directory) {
    writeFileSync(join(directory, 'data_batch_1.bin'), bytes);
    writeFileSync(join(directory, 'test_batch.bin'), Buffer.alloc(RECORD, 3));
    const { classes, train, valid } = await readCifar10Binary(directory);
    assert.equal(train.count * RECORD, bytes.length, 'every record is an image');
    requireRecords(bytes, train);
    requireRecords(Buffer.alloc(RECORD, 3), valid);
    assert.equal(classes.length, 10);
  },
  repaired: (bytes) => {
    const whole = Buffer.alloc(Math.max(1, Math.ceil(bytes.length / RECORD)) * RECORD);
    whole.set(bytes);
    return whole;
  },
};

function requireRecords(bytes: Uint8Array, { pixels, labels, count, height, width }: ImageSet): void {
  assert.deepEqual([height, width, labels.length], [32, 32, count]);
  for (let index = 0; index < count; index++) {
    const record = bytes.subarray(index * RECORD, (index + 1) * RECORD);
    assert.equal(labels[index], BigInt(record[0] as number));
    assert.ok((record[0] as number) < 10);
    for (let at = 0; at < 3 * 1024; at++) {
      const [plane, position] = [Math.floor(at / 1024), at % 1024];
      assert.equal(pixels[index * 3072 + 3 * position + plane], record[1 + at]);
    }
  }
}
