import { setImmediate } from 'node:timers/promises';
import type { Resize } from '../../options/resize.ts';

/** uint8 `[height, width, 3]`, R, G, B. */
export interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
}

export interface Size {
  width: number;
  height: number;
}

/**
 * The size to which an image is scaled before it is cropped or padded to `side` x `side`, rounded as by torchvision.
 */
export function scaledSize({ width, height }: Size, side: number, resize: Resize): Size {
  if (resize === 'stretch') return { width: side, height: side };
  const fitted = resize === 'cover' ? Math.min(width, height) : Math.max(width, height);
  const scaled = (length: number) => Math.max(1, Math.floor((length * side) / fitted));
  return { width: scaled(width), height: scaled(height) };
}

/** A rectangle in pixels of an upright image. It may lie partly outside it, and begin or end within a pixel. */
export interface Rectangle extends Size {
  left: number;
  top: number;
}

/**
 * The part of an upright image that a model sees: all of it for `stretch`, a square from its middle for `cover`, and
 * for `contain` a square around it, with padding outside the image.
 */
export function seenPart(size: Size, side: number, resize: Resize): Rectangle {
  const scaled = scaledSize(size, side, resize);
  const along = (length: number, scaledLength: number) => {
    const pixel = length / scaledLength;
    return { begin: leftOut(scaledLength, side) * pixel, count: side * pixel };
  };
  const columns = along(size.width, scaled.width);
  const rows = along(size.height, scaled.height);
  return { left: columns.begin, top: rows.begin, width: columns.count, height: rows.count };
}

/** Number of pixels of a scaled line before the kept ones; negative where padding comes first. */
function leftOut(scaled: number, wanted: number): number {
  return Math.floor((scaled - wanted) / 2);
}

/** The part of a row or column of a scaled image that is kept, and the source pixels that it needs. */
export interface Window {
  /** The first needed pixel of the line, after shrinking and before enlarging, and the number of needed pixels. */
  begin: number;
  count: number;
  /** Position of the kept pixels in the target line. */
  offset: number;
  /** For each kept pixel, the two needed pixels that it is interpolated from; null if it is copied. */
  samples: Sample[] | null;
}

/** A position between two pixels; `weight` is that of the second. */
interface Sample {
  first: number;
  second: number;
  weight: number;
}

/**
 * The centre part of a line of `length` pixels, scaled to `scaled` pixels, that fits into `wanted` pixels. Only kept
 * pixels are computed. Lines are enlarged bilinearly with half-pixel centres, as the engine does on the device.
 * (libvips shifts enlarged images by half a pixel.)
 */
export function keptWindow(length: number, scaled: number, wanted: number): Window {
  const left = leftOut(scaled, wanted);
  const [kept, offset] = [Math.max(0, left), Math.max(0, -left)];
  const count = Math.min(wanted, scaled);
  if (scaled <= length) return { begin: kept, count, offset, samples: null };
  const positions = Array.from({ length: count }, (_, index) =>
    Math.max(0, ((kept + index + 0.5) * length) / scaled - 0.5),
  );
  const begin = Math.floor(positions[0] as number);
  const last = length - 1 - begin;
  const samples = positions.map((position) => {
    const pixel = Math.floor(position);
    return { first: pixel - begin, second: Math.min(pixel - begin + 1, last), weight: position - pixel };
  });
  return { begin, count: (samples.at(-1) as Sample).second + 1, offset, samples };
}

/**
 * Number of pixels enlarged between two turns of the event loop: a few milliseconds of work; most images have fewer.
 */
const AT_ONCE = 1 << 18;

/**
 * Copies or enlarges the needed pixels of an image into the target image, as the windows say.
 *
 * @param data the needed pixels: uint8 `[rows.count, columns.count, 3]`
 * @param target uint8, with `width` pixels per row
 */
export async function place(
  data: Uint8Array,
  columns: Window,
  rows: Window,
  target: Uint8Array,
  width: number,
): Promise<void> {
  const stride = columns.count * 3;
  const startOf = (row: number) => ((row + rows.offset) * width + columns.offset) * 3;
  if (!columns.samples && !rows.samples) {
    for (let row = 0; row < rows.count; row++) {
      target.set(data.subarray(row * stride, (row + 1) * stride), startOf(row));
    }
    return;
  }
  const across = columns.samples ?? unchanged(columns.count);
  const down = rows.samples ?? unchanged(rows.count);
  const rowsAtOnce = Math.ceil(AT_ONCE / width);
  const blended = new Float32Array(stride);
  for (const [row, { first, second, weight }] of down.entries()) {
    if (row > 0 && row % rowsAtOnce === 0) await setImmediate();
    const below = (second - first) * stride;
    for (let x = 0, at = first * stride; x < stride; x++, at++) {
      const value = data[at] as number;
      blended[x] = value + ((data[at + below] as number) - value) * weight;
    }
    blendAcross(blended, across, target, startOf(row));
  }
}

/** Enlarges a whole image to a size that is at least its own. */
export async function enlarge({ data, ...from }: Pixels, { width, height }: Size): Promise<Pixels> {
  const enlarged = new Uint8Array(width * height * 3);
  const columns = keptWindow(from.width, width, width);
  await place(data, columns, keptWindow(from.height, height, height), enlarged, width);
  return { data: enlarged, width, height };
}

function blendAcross(line: Float32Array, samples: Sample[], target: Uint8Array, start: number): void {
  let to = start;
  for (const { first, second, weight } of samples) {
    for (let channel = 0; channel < 3; channel++) {
      const left = line[first * 3 + channel] as number;
      const right = line[second * 3 + channel] as number;
      // Rounds to the nearest, since storing drops the fraction. Math.round would take half of the time.
      target[to++] = left + (right - left) * weight + 0.5;
    }
  }
}

function unchanged(count: number): Sample[] {
  return Array.from({ length: count }, (_, index) => ({ first: index, second: index, weight: 0 }));
}
