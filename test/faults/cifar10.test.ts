import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readCifar10Binary } from '../../lib/data/cifar10/binary.ts';
import { InputError } from '../../lib/errors.ts';
import { RECORD, writeBatches } from '../support/cifar10-records.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** What is wrong with an otherwise good directory, the file to name, the code, and what to say. */
const FAULTS: Array<[string, (directory: string) => void, string, string, RegExp]> = [
  [
    'a record that is cut short',
    (directory) => truncateSync(join(directory, 'data_batch_1.bin'), 2 * RECORD + 100),
    'data_batch_1.bin',
    'DATA_INVALID',
    /truncated: of its 6246 bytes, its last record, at offset 6146, has only 100 of 3073 bytes/,
  ],
  [
    'less than one record',
    (directory) => truncateSync(join(directory, 'test_batch.bin'), 1),
    'test_batch.bin',
    'DATA_INVALID',
    /at offset 0, has only 1 of 3073/,
  ],
  [
    'an empty file',
    (directory) => truncateSync(join(directory, 'test_batch.bin'), 0),
    'test_batch.bin',
    'DATA_INVALID',
    /is empty; expected records of 3073 bytes/,
  ],
  [
    'a label over 9',
    (directory) => writeBatches(directory, { 'data_batch_2.bin': [...new Array(200).fill(0), 10] }),
    'data_batch_2.bin',
    'DATA_INVALID',
    /label 10 in record 200, at offset 614600; labels are 0 to 9/,
  ],
  [
    'a batch that is a directory',
    (directory) => mkdirSync(join(directory, 'data_batch_3.bin')),
    'data_batch_3.bin',
    'DATA_INVALID',
    /it is a directory/,
  ],
  [
    'nine class names',
    (directory) => writeFileSync(join(directory, 'batches.meta.txt'), 'a\nb\nc\nd\ne\nf\ng\nh\ni\n'),
    'batches.meta.txt',
    'DATA_INVALID',
    /must name 10 different classes/,
  ],
  [
    'a class name twice',
    (directory) => writeFileSync(join(directory, 'batches.meta.txt'), 'a\na\nc\nd\ne\nf\ng\nh\ni\nj\n'),
    'batches.meta.txt',
    'DATA_INVALID',
    /must name 10 different classes/,
  ],
];

test.each(FAULTS)('%s is refused by name', async (_, spoil, file, code, message) => {
  const directory = temporaryDirectory();
  writeBatches(directory, { 'data_batch_1.bin': [0, 1, 2], 'test_batch.bin': [3] });
  spoil(directory);
  const error = await refusal(directory);
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  expect(error.message).toContain(join(directory, file));
});

test('an empty directory is refused, saying what is expected', async () => {
  const directory = temporaryDirectory();
  const error = await refusal(directory);
  expect(error).toMatchObject({ code: 'DATA_NOT_FOUND' });
  expect(error.message).toContain(`${directory} contains no data_batch_*.bin`);
});

test('a missing test batch is refused', async () => {
  const directory = temporaryDirectory();
  writeBatches(directory, { 'data_batch_1.bin': [0] });
  const error = await refusal(directory);
  expect(error).toMatchObject({ code: 'DATA_NOT_FOUND' });
  expect(error.message).toContain(`${directory} contains no test_batch.bin`);
});

test('a directory that is not there is refused by its absolute path', async () => {
  const directory = join(temporaryDirectory(), 'none');
  const error = await refusal(directory);
  expect(error).toMatchObject({ code: 'DATA_NOT_FOUND' });
  expect(error.message).toContain(directory);
});

async function refusal(directory: string): Promise<InputError> {
  const error: unknown = await readCifar10Binary(directory).catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(InputError);
  return error as InputError;
}
