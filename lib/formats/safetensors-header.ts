import { quoted, type Refuse } from '../support/quoted.ts';
import { duplicateKey, hasMoreValues } from './json-scan.ts';
import { ITEM_SIZES, type StoredTensor, type StoredType } from './stored-tensor.ts';

/*
 * The header of a safetensors file: JSON with each tensor's dtype, shape and offsets in the data section, and strings
 * about the whole file under `__metadata__`.
 * Format and limits: https://github.com/huggingface/safetensors#format
 */

/** A tensor and its bytes: `begin` and `end` are offsets from the start of the data section. */
export interface TensorPlace {
  name: string;
  dtype: StoredType;
  shape: number[];
  begin: number;
  end: number;
}

export interface Header {
  /** In the order of their bytes. Together they cover the data section exactly. */
  places: TensorPlace[];
  /** Without a prototype, since any string may be a key. */
  metadata: Record<string, string>;
}

/** The largest header that the reference implementation reads, in bytes. */
export const MAX_HEADER_LENGTH = 100_000_000;

/**
 * Largest number of JSON values in a header: about 80,000 tensors. Without this limit, JSON.parse of the largest header
 * could take minutes and more memory than Node.js has.
 */
const MAX_VALUES = 1_000_000;

export const METADATA_KEY = '__metadata__';

const DTYPES: ReadonlyMap<string, StoredType> = new Map([
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['F32', 'float32'],
  ['F64', 'float64'],
  ['I8', 'int8'],
  ['I16', 'int16'],
  ['I32', 'int32'],
  ['I64', 'int64'],
  ['U8', 'uint8'],
  ['U16', 'uint16'],
  ['U32', 'uint32'],
  ['U64', 'uint64'],
  ['BOOL', 'bool'],
  ['C64', 'complex64'],
  ['F8_E4M3', 'float8_e4m3fn'],
  ['F8_E5M2', 'float8_e5m2'],
]);

/**
 * Parses a header and checks it against the length of the data section.
 *
 * @param bytes the header's JSON in UTF-8, possibly padded with spaces
 * @param dataLength number of bytes after the header
 */
export function parseHeader(bytes: Uint8Array, dataLength: number, refuse: Refuse): Header {
  const header = parseObject(bytes, refuse);
  const places: TensorPlace[] = [];
  let metadata: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA_KEY) metadata = checkMetadata(value, refuse);
    else places.push(checkPlace(name, value, dataLength, refuse));
  }
  places.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(places, dataLength, refuse);
  return { places, metadata };
}

/** The JSON of a header, padded with spaces so that the data section starts at a multiple of 8 bytes. */
export function formatHeader(places: TensorPlace[], metadata: Record<string, string>): Uint8Array {
  const entries: Array<[string, unknown]> = places.map(({ name, dtype, shape, begin, end }) => [
    name,
    { dtype: formatName(dtype), shape, data_offsets: [begin, end] },
  ]);
  if (Object.keys(metadata).length > 0) entries.unshift([METADATA_KEY, metadata]);
  // Object.fromEntries defines properties, so a tensor named `__proto__` is kept.
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const padded = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
  padded.set(json);
  return padded;
}

/** Size of a tensor in bytes, or undefined if a number cannot hold it exactly. */
export function byteLength({ dtype, shape }: Pick<StoredTensor, 'dtype' | 'shape'>): number | undefined {
  // Zeros count as 1 here, so that the strides of an empty tensor stay in range too.
  const extent = shape.reduce((product, side) => product * Math.max(side, 1), ITEM_SIZES[dtype]);
  if (!Number.isSafeInteger(extent)) return undefined;
  return shape.includes(0) ? 0 : extent;
}

/** Whether a string can be encoded as UTF-8: it has no lone surrogates. */
export function isUnicode(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

function formatName(dtype: StoredType): string {
  for (const [name, known] of DTYPES) if (known === dtype) return name;
  throw new Error(`safetensors has no dtype for ${dtype}`);
}

function parseObject(bytes: Uint8Array, refuse: Refuse): object {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refuse(`its header (${bytes.length} bytes from offset 8) is not UTF-8`);
  }
  if (hasMoreValues(text, MAX_VALUES)) throw refuse(`its header has more than ${MAX_VALUES} values`);
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw refuse(`its header (${bytes.length} bytes from offset 8) is not JSON`);
  }
  if (!isObject(header) || text[0] !== '{')
    throw refuse('its header must be a JSON object, which starts with { at offset 8');
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined) throw refuse(`its header has the key ${quoted(duplicate)} twice`);
  return header;
}

function checkMetadata(value: unknown, refuse: Refuse): Record<string, string> {
  if (!isObject(value)) throw refuse(`${METADATA_KEY} must be an object of strings`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string')
      throw refuse(`${METADATA_KEY} has a value at ${quoted(key)} that is not a string`);
  }
  return Object.assign(Object.create(null), value);
}

function checkPlace(name: string, value: unknown, dataLength: number, refuse: Refuse): TensorPlace {
  const wrong = (problem: string) => refuse(`tensor ${quoted(name)}: ${problem}`);
  if (!isUnicode(name)) throw wrong('its name must be valid Unicode');
  if (!isObject(value)) throw wrong('expected an object of dtype, shape and data_offsets');
  const { dtype: dtypeName, shape, data_offsets: offsets } = value as Record<string, unknown>;
  const dtype = DTYPES.get(String(dtypeName));
  if (!dtype || typeof dtypeName !== 'string') {
    throw wrong(
      `dtype ${shown(dtypeName)} is not supported, expected one of ${[...DTYPES.keys()].join(', ')}`,
    );
  }
  if (!isCounts(shape)) throw wrong(`shape ${shown(shape)} must be a list of integers of at least 0`);
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw wrong(`data_offsets ${shown(offsets)} must be two integers of at least 0`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > dataLength) {
    throw wrong(
      `data_offsets [${begin}, ${end}] must be in order and within the ${dataLength} bytes of data`,
    );
  }
  const expected = byteLength({ dtype, shape });
  if (expected !== end - begin) {
    const needs = expected === undefined ? 'more than 2^53 bytes' : `${expected} bytes`;
    throw wrong(
      `${dtypeName} of shape ${shown(shape)} takes ${needs}, but data_offsets [${begin}, ${end}] span ${end - begin}`,
    );
  }
  return { name, dtype, shape, begin, end };
}

/** Checks that every byte of the data section belongs to exactly one tensor, as the format requires. */
function checkCoverage(places: TensorPlace[], dataLength: number, refuse: Refuse): void {
  let covered = 0;
  for (const { name, begin, end } of places) {
    if (begin < covered) {
      throw refuse(
        `tensor ${quoted(name)}: data_offsets [${begin}, ${end}] overlap the previous tensor, which ends at ${covered}`,
      );
    }
    if (begin > covered) {
      throw refuse(
        `tensor ${quoted(name)}: the bytes of data before it, ${covered} to ${begin}, belong to no tensor`,
      );
    }
    covered = end;
  }
  if (covered < dataLength)
    throw refuse(`the last ${dataLength - covered} of its ${dataLength} bytes of data belong to no tensor`);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}

/** A negative zero is none: nothing else reads it as an integer. */
function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'missing';
  return json.length > 100 ? `${json.slice(0, 100)}…` : json;
}
