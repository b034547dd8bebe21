import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { InputError } from '../../errors.ts';
import {
  Callable,
  Dict,
  encodedBytes,
  PickledObject,
  type PickleValue,
  Tuple,
  unpickle,
} from '../../formats/pickle.ts';
import { allocateBytes } from '../../support/allocate.ts';
import { unreadable } from '../../support/files.ts';
import { quoted, type Refuse } from '../../support/quoted.ts';
import { readRegularFile } from '../../support/regular-file.ts';
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
 * CIFAR-10's official batches for Python: pickles of a dict with `data`, uint8 [n, 3072] in planes, and `labels`. They
 * are read without running code from them.
 */

/** Number of images converted between two turns of the event loop. */
const GROUP = 128;

/** Largest size of a batch in bytes; the official ones have 31 MB. */
const LARGEST_BATCH = 2 ** 30;

const INSIDE = 'cifar-10-batches-py';

interface Batch {
  planes: Uint8Array;
  labels: number[];
}

/**
 * Reads `data_batch_*`, in the order of their numbers, and `test_batch`, with any number of images each. The class
 * names are those in `batches.meta`, or CIFAR-10's own if it is missing.
 *
 * @throws InputError `DATA_NOT_FOUND` for a missing file, `DATA_INVALID` for an invalid one, both with its path
 */
export async function readCifar10Python(directory: string): Promise<Cifar10> {
  const root = await batchDirectory(directory);
  if (root === null)
    throw new InputError('DATA_NOT_FOUND', `${resolve(directory)} contains no data_batch_1.`);
  const names = await readdir(root);
  const testName = nameAmong(names, 'test_batch');
  if (testName === undefined) {
    throw new InputError(
      'DATA_NOT_FOUND',
      `${root} contains no test_batch, which belongs to CIFAR-10's batches for Python.`,
    );
  }
  const batches: Batch[] = [];
  const numbered = names.filter(isTrainBatch).sort((a, b) => batchNumber(a) - batchNumber(b));
  for (const name of numbered) batches.push(await readBatch(join(root, name)));
  const test = await readBatch(join(root, testName));
  const meta = nameAmong(names, 'batches.meta');
  const classes = meta === undefined ? [...CLASSES] : await readClasses(join(root, meta));
  return { classes, train: await joined(batches), valid: await joined([test]) };
}

async function batchDirectory(directory: string): Promise<string | null> {
  const root = resolve(directory);
  const names = await namesIn(root);
  if (names.some(isTrainBatch)) return root;
  const inside = join(root, nameAmong(names, INSIDE) ?? INSIDE);
  return (await namesIn(inside)).some(isTrainBatch) ? inside : null;
}

async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch((): string[] => []);
}

function isTrainBatch(name: string): boolean {
  return /^data_batch_\d+$/i.test(name);
}

async function readBatch(path: string): Promise<Batch> {
  const refuse = refusing(path);
  const fields = await readDict(path, refuse);
  const labels = fields.get('labels');
  const data = fields.get('data');
  if (!(data instanceof NumpyArray) || !Array.isArray(labels)) throw refuse('has no data and labels');
  const planes = data.bytes;
  if (
    planes === undefined ||
    !isShape(data.shape, labels.length) ||
    planes.length !== labels.length * IMAGE
  ) {
    throw refuse(`must have data of ${IMAGE} bytes for each of its ${labels.length} labels`);
  }
  const wrong = labels.findIndex(
    (label) => !Number.isInteger(label) || (label as number) < 0 || (label as number) >= CLASSES.length,
  );
  if (wrong >= 0) {
    throw refuse(
      `has the label ${String(labels[wrong])} at index ${wrong}; labels are 0 to ${CLASSES.length - 1}`,
    );
  }
  return { planes, labels: labels as number[] };
}

function isShape(shape: readonly PickleValue[] | undefined, count: number): boolean {
  return shape?.length === 2 && shape[0] === count && shape[1] === IMAGE;
}

async function readClasses(path: string): Promise<string[]> {
  const refuse = refusing(path);
  const names = (await readDict(path, refuse)).get('label_names');
  const classes = Array.isArray(names) ? names.map(textOf) : [];
  if (!areClasses(classes)) {
    throw refuse(`must name ${CLASSES.length} different classes`);
  }
  return classes;
}

async function joined(batches: Batch[]): Promise<ImageSet> {
  const labels = BigInt64Array.from(batches.flatMap((batch) => batch.labels).map(BigInt));
  const count = labels.length;
  const pixels = allocateBytes(count * IMAGE, `CIFAR-10 with ${count} images`);
  let index = 0;
  for (const { planes } of batches) {
    for (let from = 0; from < planes.length; from += IMAGE) {
      interleave(planes, from, pixels, index * IMAGE);
      index += 1;
      if (index % GROUP === 0) await setImmediate();
    }
  }
  return { pixels, labels, count, height: SIDE, width: SIDE };
}

function refusing(path: string): Refuse {
  return (problem) => new InputError('DATA_INVALID', `${path} ${problem}.`);
}

/** The dict in a pickle, with its keys as texts: Python 2 writes them as bytes, Python 3 as texts. */
async function readDict(path: string, refuse: Refuse): Promise<Map<string, PickleValue>> {
  let bytes: Uint8Array;
  try {
    bytes = await readRegularFile(path, LARGEST_BATCH);
  } catch (cause) {
    throw unreadable(path, cause, 'DATA_INVALID');
  }
  const damaged: Refuse = (problem) => refuse(`is not a batch for Python: ${problem}`);
  const options = {
    find: (module: string, name: string) => findGlobal(module, name, refuse, damaged),
    load: () => {
      throw refuse('refers to an object outside its pickle');
    },
    refuse: damaged,
    rawTexts: true,
  };
  const { value } = unpickle(bytes, 0, options);
  if (!(value instanceof Dict)) throw refuse('contains no dict');
  return new Map([...value.entries].map(([key, item]) => [textOf(key) ?? '', item]));
}

function textOf(value: PickleValue): string | undefined {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : undefined;
}

/** A NumPy array of uint8. Its attributes hold shape, dtype and bytes; arrays of other dtypes stay empty. */
class NumpyArray extends PickledObject {
  shape: readonly PickleValue[] | undefined;
  bytes: Uint8Array | undefined;

  /** @param state `(version, shape, dtype, Fortran order, bytes)` */
  override build(state: PickleValue): void {
    const [, shape, type, fortran, bytes] = state instanceof Tuple ? state.items : [];
    if (fortran === false) this.set(bytes, type, shape);
  }

  set(bytes: PickleValue | undefined, type: PickleValue | undefined, shape: PickleValue | undefined): void {
    const isBytes = type instanceof NumpyType && type.name === 'u1';
    if (!isBytes || !(bytes instanceof Uint8Array) || !(shape instanceof Tuple)) return;
    this.bytes = bytes;
    this.shape = shape.items;
  }
}

class NumpyType extends PickledObject {
  readonly name: string | undefined;

  constructor(name: string | undefined) {
    super();
    this.name = name;
  }

  /** Ignores byte order and similar attributes, which do not matter for bytes. */
  override build(): void {}
}

/**
 * Resolves a global. NumPy 2.0 has renamed `numpy.core` to `numpy._core`.
 *
 * @param refuse makes the error for any other global
 * @param damaged makes the error for arguments that NumPy does not write
 */
function findGlobal(module: string, name: string, refuse: Refuse, damaged: Refuse): Callable {
  const full = `${module}.${name}`;
  switch (full.replace('numpy._core', 'numpy.core')) {
    case 'numpy.core.multiarray._reconstruct':
      return new Callable(full, () => new NumpyArray());
    case 'numpy.core.numeric._frombuffer':
      return new Callable(full, ([bytes, type, shape]) => {
        const array = new NumpyArray();
        array.set(bytes, type, shape);
        return array;
      });
    case 'numpy.dtype':
      return new Callable(full, ([type = null]) => new NumpyType(textOf(type)));
    case 'numpy.ndarray':
      return new Callable(full);
    case '_codecs.encode':
      return new Callable(full, (args) => encodedBytes(args, damaged));
    default:
      throw refuse(`names ${quoted(full)}, which batches of CIFAR-10 do not use; no code of it was run`);
  }
}
