import { type FileHandle, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '../../errors.ts';
import { allocateBytes } from '../../support/allocate.ts';
import { unreadable } from '../../support/files.ts';
import { readInto, readRegularText, withRegularFile } from '../../support/regular-file.ts';
import type { ImageSet } from '../image-set.ts';
import {
  areClasses,
  batchNumber,
  type Cifar10,
  CLASSES,
  IMAGE,
  interleave,
  nameAmong,
  SIDE,
} from './format.ts';

/*
 * CIFAR-10's official binary batches: records of one label byte and three planes (R, G, B) of
 * 32 x 32 bytes. https://www.cs.toronto.edu/~kriz/cifar.html
 */

const RECORD = 1 + IMAGE;

/** Number of records converted between two turns of the event loop: about a millisecond of work. */
const GROUP = 128;

const EXPECTED =
  "CIFAR-10's official binary files are data_batch_1.bin to data_batch_5.bin and test_batch.bin";

/** A batch file, and its number of records by its size. */
interface Batch {
  path: string;
  records: number;
}

/**
 * Reads `data_batch_*.bin`, in the order of their numbers, and `test_batch.bin`, with any number of records each, from
 * a directory or from `cifar-10-batches-bin` in it. The class names are those in `batches.meta.txt`, or CIFAR-10's own
 * if it is missing.
 *
 * @throws InputError `DATA_NOT_FOUND` for a missing file, `DATA_INVALID` for an invalid one, both with its path and, if
 *   there is one, the offset
 */
export async function readCifar10Binary(directory: string): Promise<Cifar10> {
  const found = resolve(directory);
  let root = found;
  let names = await list(root);
  const inside = nameAmong(names, 'cifar-10-batches-bin');
  if (!names.some(isTrainBatch) && inside !== undefined) {
    root = join(root, inside);
    names = await list(root);
  }
  const trainNames = names.filter(isTrainBatch).sort((a, b) => batchNumber(a) - batchNumber(b));
  if (trainNames.length === 0) throw missing(root, 'data_batch_*.bin');
  const test = nameAmong(names, 'test_batch.bin');
  if (test === undefined) throw missing(root, 'test_batch.bin');
  const meta = nameAmong(names, 'batches.meta.txt');
  const classes = meta === undefined ? CLASSES : await readClasses(join(root, meta));
  // Every size is checked before anything is read.
  const trainBatches: Batch[] = [];
  for (const name of trainNames) trainBatches.push(await inspect(join(root, name)));
  const testBatch = await inspect(join(root, test));
  return { classes, train: await readBatches(trainBatches), valid: await readBatches([testBatch]) };
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    throw unreadable(directory, cause, 'DATA_NOT_FOUND');
  }
}

function isTrainBatch(name: string): boolean {
  return /^data_batch_\d+\.bin$/i.test(name);
}

function missing(directory: string, name: string): InputError {
  return new InputError('DATA_NOT_FOUND', `${directory} contains no ${name}. ${EXPECTED}.`);
}

function invalid(path: string, problem: string): InputError {
  return new InputError('DATA_INVALID', `${path} ${problem}.`);
}

async function readClasses(path: string): Promise<string[]> {
  let text: string;
  try {
    text = await readRegularText(path);
  } catch (cause) {
    throw unreadable(path, cause, 'DATA_INVALID');
  }
  const names = text.split('\n').map((line) => line.trim());
  const classes = names.filter((name) => name !== '');
  if (!areClasses(classes)) {
    throw invalid(path, `must name ${CLASSES.length} different classes, one per line`);
  }
  return classes;
}

async function inspect(path: string): Promise<Batch> {
  const size = await withRegularFile(path, async (_, bytes) => bytes).catch((cause: unknown) => {
    throw unreadable(path, cause, 'DATA_INVALID');
  });
  if (size === 0) throw invalid(path, `is empty; expected records of ${RECORD} bytes`);
  const torn = size % RECORD;
  if (torn > 0) {
    const at = `its last record, at offset ${size - torn}, has only ${torn} of ${RECORD} bytes`;
    throw invalid(path, `is truncated: of its ${size} bytes, ${at}`);
  }
  return { path, records: size / RECORD };
}

async function readBatches(batches: Batch[]): Promise<ImageSet> {
  const count = batches.reduce((sum, { records }) => sum + records, 0);
  const pixels = allocateBytes(count * IMAGE, `CIFAR-10 with ${count} images`);
  const labels = new BigInt64Array(count);
  let first = 0;
  for (const batch of batches) {
    const end = first + batch.records;
    await readBatch(batch, pixels.subarray(first * IMAGE, end * IMAGE), labels.subarray(first, end));
    first = end;
  }
  return { pixels, labels, count, height: SIDE, width: SIDE };
}

async function readBatch({ path, records }: Batch, pixels: Uint8Array, labels: BigInt64Array): Promise<void> {
  try {
    await withRegularFile(path, async (file) => {
      const group = Buffer.alloc(GROUP * RECORD);
      for (let first = 0; first < records; first += GROUP) {
        const here = group.subarray(0, Math.min(GROUP, records - first) * RECORD);
        await readExactly(file, here, first * RECORD, path);
        convert(here, first, path, pixels, labels);
      }
    });
  } catch (cause) {
    throw unreadable(path, cause, 'DATA_INVALID');
  }
}

async function readExactly(file: FileHandle, target: Buffer, position: number, path: string): Promise<void> {
  const done = await readInto(file, target, position);
  if (done < target.length) throw invalid(path, `ended at offset ${position + done} while it was being read`);
}

/** Converts whole records, the first of which has the number `first` in its file, to pixels and labels. */
function convert(
  group: Buffer,
  first: number,
  path: string,
  pixels: Uint8Array,
  labels: BigInt64Array,
): void {
  for (let start = 0, index = first; start < group.length; start += RECORD, index++) {
    const label = group[start] as number;
    if (label >= CLASSES.length) {
      const where = `in record ${index}, at offset ${index * RECORD}`;
      throw invalid(path, `has the label ${label} ${where}; labels are 0 to ${CLASSES.length - 1}`);
    }
    labels[index] = BigInt(label);
    interleave(group, start + 1, pixels, index * IMAGE);
  }
}
