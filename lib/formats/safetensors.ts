import type { FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { InputError, invalidArgument } from '../errors.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { allocateBytes } from '../support/allocate.ts';
import { unreadable } from '../support/files.ts';
import { quoted, type Refuse } from '../support/quoted.ts';
import { readInto, withRegularFile } from '../support/regular-file.ts';
import { looksLikePth, START } from './pth/pth.ts';
import {
  byteLength,
  formatHeader,
  isUnicode,
  MAX_HEADER_LENGTH,
  METADATA_KEY,
  parseHeader,
  type TensorPlace,
} from './safetensors-header.ts';
import { ITEM_SIZES, type StoredTensor } from './stored-tensor.ts';

/** Bytes before the header, which hold its length, unsigned and little-endian. */
const PREFIX = 8;

export interface SafetensorsFile {
  /** In the order of their bytes in the file. Each `data` is a view of the same buffer. */
  tensors: StoredTensor[];
  /** Without a prototype, since any string may be a key. */
  metadata: Record<string, string>;
}

/**
 * Reads a whole safetensors file. Sizes in it are checked against the file's length before memory is allocated.
 *
 * @param refuse makes the error for a file that is not valid, of its problem
 * @throws InputError `WEIGHTS_INVALID` with file, tensor, offset and the expected value; `FILE_UNREADABLE`;
 *   TorchTlError `OUT_OF_MEMORY`; the signal's reason after an abort
 */
export async function readSafetensors(
  path: string,
  signal?: AbortSignal,
  refuse: Refuse = (problem) =>
    new InputError('WEIGHTS_INVALID', `${resolve(path)} is not a valid safetensors file: ${problem}.`),
): Promise<SafetensorsFile> {
  try {
    return await withRegularFile(path, (file, size) => readAll({ file, path, size }, refuse, signal));
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/**
 * Writes tensors to a safetensors file, atomically, in the reference implementation's order: wide dtypes first, so that
 * every tensor is aligned to the size of its elements, then by name.
 *
 * @param tensors with `data` contiguous, row-major and little-endian
 * @throws InputError `INVALID_ARGUMENT` for a duplicate or invalid name, or data whose length does not fit dtype and
 *   shape; TorchTlError `WRITE_FAILED`
 */
export async function writeSafetensors(
  path: string,
  tensors: StoredTensor[],
  metadata: Record<string, string>,
): Promise<void> {
  const ordered = [...tensors].sort(
    (a, b) => ITEM_SIZES[b.dtype] - ITEM_SIZES[a.dtype] || (a.name < b.name ? -1 : 1),
  );
  checkWritable(ordered);
  // Lets the event loop run: for the 1,500 tensors of a checkpoint, the sort and the header take ten milliseconds each.
  await setImmediate();
  const header = formatHeader(consecutivePlaces(ordered), metadata);
  if (header.length > MAX_HEADER_LENGTH) {
    const expected = `at most ${MAX_HEADER_LENGTH} bytes of names and metadata`;
    throw invalidArgument('tensors and metadata', expected, header.length);
  }
  const prefix = Buffer.alloc(PREFIX);
  prefix.writeBigUInt64LE(BigInt(header.length));
  await writeFileAtomically(path, [prefix, header, ...ordered.map(({ data }) => data)]);
}

async function readAll(
  { file, path, size }: { file: FileHandle; path: string; size: number },
  refuse: Refuse,
  signal: AbortSignal | undefined,
): Promise<SafetensorsFile> {
  if (size < PREFIX) throw refuse(`it has ${size} bytes, fewer than the ${PREFIX} of the header's length`);
  const prefix = Buffer.alloc(PREFIX);
  const fill = async (target: Uint8Array, position: number): Promise<void> => {
    const done = await readInto(file, target, position, signal);
    if (done < target.length) throw refuse(`it ended at offset ${position + done} while it was being read`);
  };
  await fill(prefix, 0);
  const headerLength = Number(prefix.readBigUInt64LE());
  const longest = Math.min(MAX_HEADER_LENGTH, size - PREFIX);
  if (headerLength > longest) {
    const start = Buffer.alloc(Math.min(START, size));
    await fill(start, 0);
    const length = `the header's length at offset 0 is ${headerLength}, expected at most ${longest}`;
    throw refuse(`${length}${otherFormat(start)}`);
  }
  const headerBytes = allocateBytes(headerLength, `The header of ${path}`);
  await fill(headerBytes, PREFIX);
  const dataStart = PREFIX + headerLength;
  const { places, metadata } = parseHeader(headerBytes, size - dataStart, refuse);
  const data = allocateBytes(size - dataStart, path);
  await fill(data, dataStart);
  const tensors = places.map(({ name, dtype, shape, begin, end }) => ({
    name,
    dtype,
    shape,
    data: data.subarray(begin, end),
  }));
  return { tensors, metadata };
}

/** A hint if the file looks like one of torch.save, the most common other format. */
function otherFormat(start: Buffer): string {
  return looksLikePth(start) ? ' (it looks like a file of torch.save; save it as safetensors first)' : '';
}

function consecutivePlaces(tensors: StoredTensor[]): TensorPlace[] {
  let begin = 0;
  return tensors.map(({ name, dtype, shape, data }) => {
    const place = { name, dtype, shape, begin, end: begin + data.length };
    begin = place.end;
    return place;
  });
}

function checkWritable(tensors: StoredTensor[]): void {
  const names = new Set<string>();
  for (const tensor of tensors) {
    const { name, dtype, shape, data } = tensor;
    if (name === METADATA_KEY || !isUnicode(name)) {
      throw invalidArgument('tensors', `named in valid Unicode other than ${METADATA_KEY}`, quoted(name));
    }
    if (names.has(name)) throw invalidArgument('tensors', 'of distinct names', `two of ${quoted(name)}`);
    names.add(name);
    if (byteLength(tensor) !== data.length) {
      const expected = `${byteLength(tensor)} bytes for ${dtype} of shape [${shape.join(', ')}]`;
      throw invalidArgument(`tensors: the data of ${quoted(name)}`, expected, data.length);
    }
  }
}
