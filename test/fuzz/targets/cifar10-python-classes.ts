import assert from 'node:assert/strict';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCifar10Python } from '../../../lib/data/cifar10/python.ts';
import { PICKLE_MEMORY } from '../limits.ts';
import { projectRoot } from '../project-root.ts';
import type { Target } from '../target.ts';

/** The input is the file with the names of the classes, `batches.meta`. */
export const target: Target = {
  refusals: ['DATA_INVALID'],
  memory: PICKLE_MEMORY,
  async read(bytes, directory) {
    const fixture = join(projectRoot, 'test', 'fixtures', 'cifar10-python', 'protocol5', 'test_batch');
    for (const name of ['data_batch_1', 'test_batch']) cpSync(fixture, join(directory, name));
    writeFileSync(join(directory, 'batches.meta'), bytes);
    const { classes } = await readCifar10Python(directory);
    assert.equal(classes.length, 10);
    assert.equal(new Set(classes.map((name) => name.normalize('NFC'))).size, 10);
    const file = Buffer.from(bytes);
    for (const name of classes) assert.ok(file.includes(name) || file.includes(Buffer.from(name, 'latin1')));
  },
};
