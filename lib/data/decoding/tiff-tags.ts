/** TIFF's integer types: bytes per value, and the method of DataView that reads one. */
const INTEGERS: Record<number, [bytes: number, read: 'getUint8' | 'getUint16' | 'getUint32']> = {
  1: [1, 'getUint8'],
  3: [2, 'getUint16'],
  4: [4, 'getUint32'],
};

export const ORIENTATION = 274;
export const MAX_SAMPLE_VALUE = 281;

/**
 * The first integer of each tag in the first directory of a TIFF file (classic or BigTIFF) or of EXIF data, which have
 * the same structure. Empty for bytes of another structure.
 */
export function tiffTags(bytes: Uint8Array): Map<number, number> {
  try {
    return readTags(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    // The file ends within its structure; the decoder will report that.
    if (error instanceof RangeError) return new Map();
    throw error;
  }
}

function readTags(view: DataView): Map<number, number> {
  const tags = new Map<number, number>();
  const order = view.getUint16(0);
  const little = order === 0x4949;
  const version = view.getUint16(2, little);
  if ((!little && order !== 0x4d4d) || (version !== 42 && version !== 43)) return tags;
  const big = version === 43;
  const wide = (at: number) => Number(view.getBigUint64(at, little));
  const directory = big ? wide(8) : view.getUint32(4, little);
  const count = big ? wide(directory) : view.getUint16(directory, little);
  const first = directory + (big ? 8 : 2);
  const [length, inside] = big ? [20, 8] : [12, 4];
  for (let entry = first; entry < first + Math.min(count, 0xffff) * length; entry += length) {
    const [bytes = 0, read] = INTEGERS[view.getUint16(entry + 2, little)] ?? [];
    if (read === undefined) continue;
    const values = big ? wide(entry + 4) : view.getUint32(entry + 4, little);
    const value = entry + length - inside;
    const at = values * bytes <= inside ? value : big ? wide(value) : view.getUint32(value, little);
    tags.set(view.getUint16(entry, little), view[read](at, little));
  }
  return tags;
}
