import { crc32 } from 'node:zlib';

/** Alignment in bytes of the files in an archive of torch.save, which lets them be mapped into memory. */
const ALIGNMENT = 64;

/** Largest size or offset without zip64. */
const MAX_LENGTH = 0xffffffff;

const LOCAL_HEADER = Buffer.from('PK\x03\x04', 'latin1');
const DIRECTORY_ENTRY = Buffer.from('PK\x01\x02', 'latin1');
const END = Buffer.from('PK\x05\x06', 'latin1');
/** Name of the extra field with which torch.save pads a header. */
const PADDING = Buffer.from('FB', 'latin1');

/**
 * A zip archive of uncompressed files, in pieces.
 *
 * @throws RangeError for an archive of 4 GiB or more
 */
export function zipArchive(files: ReadonlyArray<readonly [name: string, bytes: Uint8Array]>): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, bytes] of files) {
    const sizes = [uint(crc32(bytes), 4), uint(bytes.length, 4), uint(bytes.length, 4)];
    const length = uint(Buffer.byteLength(name), 2);
    const extra = padding(offset + 30 + Buffer.byteLength(name));
    directory.push(DIRECTORY_ENTRY, Buffer.alloc(12), ...sizes, length, Buffer.alloc(12), uint(offset, 4));
    directory.push(Buffer.from(name));
    const header = [
      LOCAL_HEADER,
      Buffer.alloc(10),
      ...sizes,
      length,
      uint(extra.length, 2),
      Buffer.from(name),
      extra,
    ];
    pieces.push(...header, bytes);
    offset += lengthOf(header) + bytes.length;
    if (offset > MAX_LENGTH) throw new RangeError('A zip archive without zip64 must be smaller than 4 GiB');
  }
  const count = uint(files.length, 2);
  const end = [
    END,
    Buffer.alloc(4),
    count,
    count,
    uint(lengthOf(directory), 4),
    uint(offset, 4),
    Buffer.alloc(2),
  ];
  return [...pieces, ...directory, ...end];
}

/** An extra field that makes the offset after it a multiple of the alignment. */
function padding(offset: number): Buffer {
  const length = (ALIGNMENT - ((offset + 4) % ALIGNMENT)) % ALIGNMENT;
  return Buffer.concat([PADDING, uint(length, 2), Buffer.alloc(length, 'Z')]);
}

function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function uint(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntLE(value, 0, length);
  return bytes;
}
