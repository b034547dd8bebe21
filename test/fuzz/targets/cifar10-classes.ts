import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCifar10Binary } from '../../../lib/data/cifar10/binary.ts';
import type { Target } from '../target.ts';

/** The input is the file with the names of the classes. */
export const target: Target = {
  refusals: ['DATA_INVALID'],
  async read(bytes, directory) {
    for (const name of ['data_batch_1.bin', 'test_batch.bin'])
      writeFileSync(join(directory, name), Buffer.alloc(3073, 3));
    writeFileSync(join(directory, 'batches.meta.txt'), bytes);
    const { classes } = await readCifar10Binary(directory);
    assert.ok(isUtf8(bytes), 'names are texts');
    const lines = Buffer.from(bytes).toString().split('\n');
    assert.deepEqual(
      classes,
      lines.map((line) => line.trim()).filter((line) => line !== ''),
    );
    assert.equal(new Set(classes.map((name) => name.normalize('NFC'))).size, 10);
  },
};
