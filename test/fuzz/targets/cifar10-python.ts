import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCifar10Python } from '../../../lib/data/cifar10/python.ts';
import type { ImageSet } from '../../../lib/data/image-set.ts';
import { PICKLE_MEMORY } from '../limits.ts';
import type { Target } from '../target.ts';

/** The input is each of the batches. */
export const target: Target = {
  refusals: ['DATA_INVALID'],
  memory: PICKLE_MEMORY,
  async read(bytes, directory) {
    for (const name of ['data_batch_1', 'test_batch']) writeFileSync(join(directory, name), bytes);
    const { classes, train, valid } = await readCifar10Python(directory);
    assert.equal(new Set(classes).size, 10);
    assert.deepEqual(train, valid);
    assert.ok(train.labels.every((label) => label >= 0n && label < 10n));
    assert.equal(train.labels.length, train.count);
    assert.equal(train.pixels.length, train.count * 3072);
    requirePlanes(Buffer.from(bytes), train);
  },
};

/** The planes of all images stand in the file in one piece, as bytes or as a text in UTF-8. */
function requirePlanes(file: Buffer, { pixels, count }: ImageSet): void {
  const planes = Buffer.alloc(count * 3072);
  for (let index = 0; index < count; index++)
    for (let at = 0; at < 3072; at++) {
      const [plane, position] = [Math.floor(at / 1024), at % 1024];
      planes[index * 3072 + at] = pixels[index * 3072 + 3 * position + plane] as number;
    }
  assert.ok(file.includes(planes) || file.includes(Buffer.from(planes.toString('latin1'))));
}
