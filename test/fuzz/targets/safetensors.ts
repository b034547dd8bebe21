import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensors, type SafetensorsFile, writeSafetensors } from '../../../lib/formats/safetensors.ts';
import { ITEM_SIZES } from '../../../lib/formats/stored-tensor.ts';
import type { Target } from '../target.ts';

/** The format's own names of the dtypes. */
const DTYPES: Record<string, string> = {
  float16: 'F16',
  bfloat16: 'BF16',
  float32: 'F32',
  float64: 'F64',
  int8: 'I8',
  int16: 'I16',
  int32: 'I32',
  int64: 'I64',
  uint8: 'U8',
  uint16: 'U16',
  uint32: 'U32',
  uint64: 'U64',
  bool: 'BOOL',
  complex64: 'C64',
  float8_e4m3fn: 'F8_E4M3',
  float8_e5m2: 'F8_E5M2',
};

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

export const target: Target = {
  refusals: ['WEIGHTS_INVALID'],
  async read(bytes, directory) {
    const path = join(directory, 'a.safetensors');
    writeFileSync(path, bytes);
    const read = await readSafetensors(path);
    requireSame(bytes, read);
    const copy = join(directory, 'copy.safetensors');
    await writeSafetensors(copy, read.tensors, read.metadata);
    const again = await readSafetensors(copy);
    assert.deepEqual(again.metadata, read.metadata);
    assert.deepEqual(again.tensors.sort(byName), read.tensors.sort(byName));
  },
  repaired: withLengths,
};

/** Reads the header once more, in the simplest way, and compares. */
function requireSame(bytes: Uint8Array, { tensors, metadata }: SafetensorsFile): void {
  const file = Buffer.from(bytes);
  const start = 8 + Number(file.readBigUInt64LE());
  assert.equal(file[8], 0x7b, 'a header starts with {');
  const header = JSON.parse(file.toString('utf8', 8, start)) as Record<string, Entry>;
  const names = Object.keys(header).filter((name) => name !== '__metadata__');
  assert.deepEqual(tensors.map(({ name }) => name).sort(), names.sort());
  let covered = 0;
  for (const { name, dtype, shape, data } of tensors) {
    const entry = header[name] as Entry;
    const [begin, end] = entry.data_offsets;
    assert.equal(DTYPES[dtype], entry.dtype);
    assert.deepEqual(shape, entry.shape);
    assert.ok(shape.every((side) => Number.isSafeInteger(side) && !Object.is(side, -0) && side >= 0));
    assert.equal(begin, covered, 'every byte belongs to one tensor');
    assert.equal(data.length, shape.reduce((product, side) => product * side, 1) * ITEM_SIZES[dtype]);
    assert.ok(file.subarray(start + begin, start + end).equals(data));
    covered = end;
  }
  assert.equal(start + covered, file.length);
  assert.deepEqual({ ...metadata }, { ...(header.__metadata__ as object | undefined) });
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

/** The same JSON, with its true length before it and as many bytes of data behind it as it tells of. */
function withLengths(bytes: Uint8Array): Uint8Array | null {
  const text = Buffer.from(bytes.subarray(8)).toString('latin1');
  const end = endOfObject(text);
  if (end === undefined) return null;
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(end));
  const offsets = [...text.slice(0, end).matchAll(/"data_offsets"\s*:\s*\[\s*\d+\s*,\s*(\d{1,5})\s*\]/g)];
  const data = Buffer.alloc(Math.max(0, ...offsets.map(([, offset]) => Number(offset))));
  data.set(bytes.subarray(8 + end, 8 + end + data.length));
  return Buffer.concat([prefix, Buffer.from(text.slice(0, end), 'latin1'), data]);
}

/** The length of the JSON object at the start of a text; undefined if it does not end. */
function endOfObject(text: string): number | undefined {
  let depth = 0;
  for (const { 0: sign, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/gs)) {
    if (sign === '{') depth += 1;
    if (sign === '}') depth -= 1;
    if (sign === '}' && depth <= 0) return index + 1;
  }
  return undefined;
}
