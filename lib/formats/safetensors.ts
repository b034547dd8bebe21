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

/** Bytes before the header: its length, unsigned, little-endian. */
const PREFIX = 8;

export interface SafetensorsFile {
  /** In the order of their bytes in the file; `data` are views of one buffer. */
  tensors: StoredTensor[];
  /** Without a prototype, since any string may be a key. */
  metadata: Record<string, string>;
}

/**
 * Reads a whole safetensors file. Nothing is allocated before the file's own length bears it out.
 *
 * @throws InputError `WEIGHTS_INVALID` naming file, tensor, offset and what was expected;
 *   `FILE_UNREADABLE`; TorchTlError `OUT_OF_MEMORY`; the signal's reason
 */
export async function readSafetensors(path: string, signal?: AbortSignal): Promise<SafetensorsFile> {
  const refuse: Refuse = (problem) =>
    new InputError('WEIGHTS_INVALID', `${resolve(path)} is no valid safetensors file: ${problem}.`);
  try {
    return await withRegularFile(path, (file, size) => readAll({ file, path, size }, refuse, signal));
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/**
 * Writes tensors to a safetensors file, atomically, in the reference implementation's order: wide
 * dtypes first, so that every tensor is aligned to its own size, then by name.
 *
 * @param tensors each `data` is contiguous, row-major, little-endian
 * @throws InputError `INVALID_ARGUMENT` for a name that stands twice or cannot be one, or data of
 *   another length than dtype and shape say; TorchTlError `WRITE_FAILED`
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
  // A checkpoint has some 1,500 tensors: this and the header take ten milliseconds each.
  await setImmediate();
  const header = formatHeader(placeInTurn(ordered), metadata);
  if (header.length > MAX_HEADER_LENGTH) {
    const most = `of names and metadata that take at most ${MAX_HEADER_LENGTH} bytes`;
    throw invalidArgument('tensors and metadata', most, header.length);
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
  if (size < PREFIX) throw refuse(`it has ${size} bytes, but the header's length alone takes ${PREFIX}`);
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

/** A hint for the commonest other file of weights. */
function otherFormat(start: Buffer): string {
  return looksLikePth(start) ? ' (it looks like a file of torch.save; save it as safetensors first)' : '';
}

function placeInTurn(tensors: StoredTensor[]): TensorPlace[] {
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
      throw invalidArgument('tensors', `named in Unicode, and not ${METADATA_KEY}`, quoted(name));
    }
    if (names.has(name)) throw invalidArgument('tensors', 'of different names', `two of ${quoted(name)}`);
    names.add(name);
    if (byteLength(tensor) !== data.length) {
      const expected = `${byteLength(tensor)} bytes for ${dtype} of shape [${shape.join(', ')}]`;
      throw invalidArgument(`tensors: the data of ${quoted(name)}`, expected, data.length);
    }
  }
}
