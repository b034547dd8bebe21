import * as zlib from 'node:zlib';
import type { Refuse } from '../../support/quoted.ts';
import { quoted } from '../../support/quoted.ts';

/*
 * Reads zip archives of uncompressed files, as torch.save writes them. Every entry of the directory is checked against
 * the archive's length and its other parts before it is used.
 * Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */

const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_ENTRY = 0x02014b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;

const END_LENGTH = 22;
const LOCATOR_LENGTH = 20;
const END_64_LENGTH = 56;
const LONGEST_COMMENT = 0xffff;

/** Placeholders in 32-bit and 16-bit fields whose value is in a zip64 field. */
const IN_ZIP64 = 0xffffffff;
const IN_ZIP64_SHORT = 0xffff;
const ZIP64_EXTRA = 1;

/** Largest number of files in an archive: more than a hundred times the tensors of DenseNet-121. */
const MAX_FILES = 100_000;

interface Entry {
  name: string;
  crc: number;
  /** Offsets of the data in the archive. */
  begin: number;
  end: number;
}

export class ZipArchive {
  readonly #bytes: Uint8Array;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #refuse: Refuse;

  /** @param bytes the whole archive */
  constructor(bytes: Uint8Array, refuse: Refuse) {
    this.#bytes = bytes;
    this.#refuse = refuse;
    this.#entries = readDirectory(bytes, refuse);
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** Size of a file in bytes. */
  length(name: string): number {
    const { begin, end } = this.#find(name);
    return end - begin;
  }

  /** The bytes of a file, as a view of the archive. Checks their CRC-32. */
  read(name: string): Uint8Array {
    const entry = this.#find(name);
    const data = this.#bytes.subarray(entry.begin, entry.end);
    // PyTorch writes 0 if it is configured not to compute checksums.
    if (entry.crc !== 0 && zlib.crc32(data) !== entry.crc) {
      throw this.#refuse(`${quoted(name)} inside it is damaged: its CRC-32 is not the one in the directory`);
    }
    return data;
  }

  #find(name: string): Entry {
    const entry = this.#entries.get(name);
    if (!entry) throw this.#refuse(`it has no ${quoted(name)} inside`);
    return entry;
  }
}

function readDirectory(bytes: Uint8Array, refuse: Refuse): Map<string, Entry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { offset, size, count } = findDirectory(view, refuse);
  const entries = new Map<string, Entry>();
  const end = offset + size;
  let at = offset;
  for (let i = 0; i < count; i += 1) {
    if (end - at < 46 || view.getUint32(at, true) !== DIRECTORY_ENTRY) {
      throw refuse(`its directory ends at offset ${at}, after ${i} of ${count} files`);
    }
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const next = at + 46 + nameLength + extraLength + view.getUint16(at + 32, true);
    if (next > end) throw refuse(`its directory ends within the entry at offset ${at}`);
    const entry = readEntry(bytes, view, { at, nameLength, extraLength, dataEnd: offset }, refuse);
    if (entries.has(entry.name)) throw refuse(`it has two files ${quoted(entry.name)} inside`);
    entries.set(entry.name, entry);
    at = next;
  }
  requireDisjoint([...entries.values()], refuse);
  return entries;
}

/** Finds the directory: its offset and size in bytes, and its number of files. */
function findDirectory(view: DataView, refuse: Refuse): { offset: number; size: number; count: number } {
  const at = findEnd(view);
  if (at === undefined) throw refuse(missingEndProblem(view));
  let count = view.getUint16(at + 10, true);
  let size = view.getUint32(at + 12, true);
  let offset = view.getUint32(at + 16, true);
  if (count === IN_ZIP64_SHORT || size === IN_ZIP64 || offset === IN_ZIP64) {
    const end64 = findEnd64(view, at, refuse);
    count = long(view, end64 + 32);
    size = long(view, end64 + 40);
    offset = long(view, end64 + 48);
  }
  if (count > MAX_FILES) throw refuse(`it has ${count} files inside, expected at most ${MAX_FILES}`);
  if (offset + size > at)
    throw refuse(`its directory, ${size} bytes at offset ${offset}, lies outside the archive`);
  return { offset, size, count };
}

function findEnd(view: DataView): number | undefined {
  const first = Math.max(0, view.byteLength - END_LENGTH - LONGEST_COMMENT);
  for (let at = view.byteLength - END_LENGTH; at >= first; at -= 1) {
    const fits = at + END_LENGTH + view.getUint16(at + 20, true) === view.byteLength;
    if (fits && view.getUint32(at, true) === END) return at;
  }
  return undefined;
}

/** The problem with an archive that does not end with its end record. */
function missingEndProblem(view: DataView): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  const end = bytes.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  const after =
    end < 0 || bytes.length - end < END_LENGTH
      ? 0
      : bytes.length - end - END_LENGTH - bytes.readUInt16LE(end + 20);
  return after > 0
    ? `${after} bytes that do not belong to the archive follow its end; remove them`
    : 'the end record of the zip archive is missing; the file may be truncated';
}

function findEnd64(view: DataView, end: number, refuse: Refuse): number {
  const locator = end - LOCATOR_LENGTH;
  if (locator >= 0 && view.getUint32(locator, true) === LOCATOR_64) {
    const at = long(view, locator + 8);
    if (at + END_64_LENGTH <= locator && view.getUint32(at, true) === END_64) return at;
  }
  throw refuse('its end record refers to a zip64 record, which is missing');
}

interface EntryPlace {
  at: number;
  nameLength: number;
  extraLength: number;
  /** Offset of the directory; all data lies before it. */
  dataEnd: number;
}

function readEntry(
  bytes: Uint8Array,
  view: DataView,
  { at, nameLength, extraLength, dataEnd }: EntryPlace,
  refuse: Refuse,
): Entry {
  const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
  const wrong = (problem: string) => refuse(`${quoted(name)} inside it ${problem}`);
  const flags = view.getUint16(at + 8, true);
  if (flags & 1) throw wrong('is encrypted');
  const method = view.getUint16(at + 10, true);
  if (method !== 0) throw wrong(`is compressed (method ${method}), which torch.save does not do`);

  const extra = zip64Extra(view, at + 46 + nameLength, extraLength);
  const field = (where: number) => {
    const value = view.getUint32(where, true);
    return value === IN_ZIP64 ? (extra.shift() ?? Number.NaN) : value;
  };
  const size = field(at + 24);
  const stored = field(at + 20);
  const header = field(at + 42);
  if (size !== stored) throw wrong(`is uncompressed, but takes ${stored} bytes for ${size}`);
  if (!(header + 30 <= dataEnd) || view.getUint32(header, true) !== LOCAL_HEADER) {
    throw wrong(`should start at offset ${header}, where no file starts`);
  }
  const localName = view.getUint16(header + 26, true);
  const begin = header + 30 + localName + view.getUint16(header + 28, true);
  if (!(begin + size <= dataEnd)) {
    throw wrong(`takes ${size} bytes from offset ${begin}, beyond the ${dataEnd} before the directory`);
  }
  const nameInHeader = new TextDecoder().decode(bytes.subarray(header + 30, header + 30 + localName));
  if (nameInHeader !== name) throw wrong(`has another name, ${quoted(nameInHeader)}, in its own header`);
  return { name, crc: view.getUint32(at + 16, true), begin, end: begin + size };
}

/** The 64-bit values in an entry's zip64 field, in their fixed order. */
function zip64Extra(view: DataView, begin: number, length: number): number[] {
  const end = begin + length;
  let at = begin;
  while (end - at >= 4) {
    const size = view.getUint16(at + 2, true);
    if (at + 4 + size > end) return [];
    if (view.getUint16(at, true) === ZIP64_EXTRA) {
      return Array.from({ length: Math.floor(size / 8) }, (_, i) => long(view, at + 4 + 8 * i));
    }
    at += 4 + size;
  }
  return [];
}

/** Refuses files that share bytes: they would make a small archive as expensive to read as a large one. */
function requireDisjoint(entries: Entry[], refuse: Refuse): void {
  entries.sort((a, b) => a.begin - b.begin);
  for (const [i, entry] of entries.entries()) {
    const before = entries[i - 1];
    if (before && before.end > entry.begin) {
      throw refuse(`${quoted(before.name)} and ${quoted(entry.name)} inside it share bytes`);
    }
  }
}

function long(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}
