/*
 * Makes assets/cifar10-sample, the part of CIFAR-10 in the package: the first 250 training and 50 test records of each
 * class, unchanged and in the order of the official binary batches. The result is always the same.
 *
 *   node scripts/make-sample.js DIR [OUT]
 *
 * DIR holds data_batch_1.bin to data_batch_5.bin, test_batch.bin and batches.meta.txt.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RECORD_BYTES = 1 + 3 * 32 * 32;
const CLASSES = 10;
const TRAIN_BATCHES = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.bin`);

/** The records of the files, in order, as views. */
function* recordsOf(directory, names) {
  for (const name of names) {
    const bytes = readFileSync(join(directory, name));
    if (bytes.length % RECORD_BYTES !== 0)
      throw new Error(`The size of ${name} is not a multiple of ${RECORD_BYTES} bytes`);
    for (let offset = 0; offset < bytes.length; offset += RECORD_BYTES) {
      yield bytes.subarray(offset, offset + RECORD_BYTES);
    }
  }
}

/** The first `perClass` records of each class. */
function select(records, perClass) {
  const taken = new Array(CLASSES).fill(0);
  const selected = [];
  for (const record of records) {
    const label = record[0];
    if (taken[label] === perClass) continue;
    taken[label]++;
    selected.push(record);
  }
  if (selected.length !== CLASSES * perClass)
    throw new Error(`There are only ${taken.join(', ')} records per class`);
  return Buffer.concat(selected);
}

const [source, out = fileURLToPath(new URL('../assets/cifar10-sample', import.meta.url))] =
  process.argv.slice(2);
if (!source) {
  console.error('Usage: node scripts/make-sample.js DIR [OUT]');
  process.exit(2);
}
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'data_batch_1.bin'), select(recordsOf(source, TRAIN_BATCHES), 250));
writeFileSync(join(out, 'test_batch.bin'), select(recordsOf(source, ['test_batch.bin']), 50));
writeFileSync(join(out, 'batches.meta.txt'), readFileSync(join(source, 'batches.meta.txt')));
