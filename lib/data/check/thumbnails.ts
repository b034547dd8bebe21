import { setImmediate } from 'node:timers/promises';
import { readPixels } from '../decoding/read-pixels.ts';
import type { Images } from '../image-set.ts';

/** Side of a thumbnail in pixels, and that of the coarse one that a search compares first. */
export const FINE = 16;
export const COARSE = 8;

/** Standard deviation in grey levels, of 256, below which a thumbnail shows nothing to compare. */
const FLAT = 2;

/** Images whose mean weighs as much as none at all: the mean of a few images is mostly themselves. */
const FEW = 100;

/**
 * Grey thumbnails for comparing images up to brightness, contrast and mirroring. Each is shifted by its mean, reduced by
 * the mean thumbnail of all images, and scaled to length 1; one without contrast is zero. A row holds its half that is
 * even under mirroring, then the odd one, each float32 `[side * side / 2]`. So with the halves' products `even` and
 * `odd` two images correlate by `even + odd`, and one with the other's mirror image by `even - odd`.
 */
export interface Thumbnails {
  count: number;
  /** float32 `[count, FINE * FINE]` and `[count, COARSE * COARSE]`. */
  fine: Float32Array;
  coarse: Float32Array;
}

/**
 * The thumbnails of all images of several sets.
 *
 * @throws InputError `FILE_UNREADABLE`; the signal's reason after an abort
 */
export async function thumbnailsOf(sets: readonly Images[], signal?: AbortSignal): Promise<Thumbnails> {
  const count = sets.reduce((sum, set) => sum + set.count, 0);
  const fine = new Float32Array(count * FINE * FINE);
  let row = 0;
  for (const set of sets) {
    const bytes = set.height * set.width * 3;
    for await (const piece of readPixels(set)) {
      for (let begin = 0; begin < piece.length; begin += bytes, row++) {
        if (row % 64 === 0) {
          await setImmediate();
          signal?.throwIfAborted();
        }
        shrink(piece.subarray(begin, begin + bytes), set.width, rowOf(fine, row, FINE), FINE);
      }
    }
  }
  const coarse = new Float32Array(count * COARSE * COARSE);
  for (let index = 0; index < count; index++) halve(rowOf(fine, index, FINE), rowOf(coarse, index, COARSE));
  for (const [thumbnails, side] of [
    [fine, FINE],
    [coarse, COARSE],
  ] as const) {
    normalise(thumbnails, side);
  }
  return { count, fine, coarse };
}

function rowOf(thumbnails: Float32Array, index: number, side: number): Float32Array {
  return thumbnails.subarray(index * side * side, (index + 1) * side * side);
}

/**
 * The mean brightness (Rec. 601) of the boxes that divide a square image: float32 `[size, size]`. A pixel on the edge of
 * two boxes counts for both, by its share in each: whole pixels would give a mirror image other boxes.
 */
function shrink(pixels: Uint8Array, side: number, target: Float32Array, size: number): void {
  const boxes = Array.from({ length: size }, (_, place) => boxAt(place, side, size));
  const narrow = new Float32Array(side * size);
  for (let y = 0; y < side; y++) {
    for (const [x, { first, shares }] of boxes.entries()) {
      let sum = 0;
      let at = (y * side + first) * 3;
      for (const share of shares) {
        sum +=
          share *
          (0.299 * (pixels[at] as number) +
            0.587 * (pixels[at + 1] as number) +
            0.114 * (pixels[at + 2] as number));
        at += 3;
      }
      narrow[y * size + x] = sum;
    }
  }
  for (const [y, { first, shares }] of boxes.entries()) {
    for (let x = 0; x < size; x++) {
      let sum = 0;
      for (const [row, share] of shares.entries())
        sum += share * (narrow[(first + row) * size + x] as number);
      target[y * size + x] = sum;
    }
  }
}

/** The pixels of a row that one of `size` equal boxes covers: the first, and the share of each in the box. */
function boxAt(place: number, side: number, size: number): { first: number; shares: number[] } {
  const [begin, end] = [(place * side) / size, ((place + 1) * side) / size];
  const first = Math.floor(begin);
  const shares = Array.from({ length: Math.ceil(end) - first }, (_, index) => {
    const covered = Math.min(end, first + index + 1) - Math.max(begin, first + index);
    return covered / (end - begin);
  });
  return { first, shares };
}

/** Side of the image in which detail is compared, and of its blocks, in pixels. */
const DETAILED = 32;
const BLOCK = 4;

/**
 * The detail of a square image: the brightness of 32 x 32 pixels without the mean of each 4 x 4 of them, scaled to length
 * 1. Two skies over two plains have like thumbnails, but not like detail.
 */
export function detailOf(pixels: Uint8Array, side: number): Float32Array {
  const detail = new Float32Array(DETAILED * DETAILED);
  shrink(pixels, side, detail, DETAILED);
  for (let top = 0; top < DETAILED; top += BLOCK) {
    for (let left = 0; left < DETAILED; left += BLOCK) {
      const places = Array.from(
        { length: BLOCK * BLOCK },
        (_, place) => (top + Math.floor(place / BLOCK)) * DETAILED + left + (place % BLOCK),
      );
      const mean = places.reduce((sum, place) => sum + (detail[place] as number), 0) / places.length;
      for (const place of places) detail[place] = (detail[place] as number) - mean;
    }
  }
  scale(detail, 1e-3);
  return detail;
}

/** The correlation of two images' details, or of one with the other's mirror image. */
export function detailCorrelation(a: Float32Array, b: Float32Array, mirrored: boolean): number {
  return a.reduce((sum, value, place) => {
    const other = mirrored ? place - 2 * (place % DETAILED) + DETAILED - 1 : place;
    return sum + value * (b[other] as number);
  }, 0);
}

function halve(fine: Float32Array, coarse: Float32Array): void {
  for (let y = 0; y < COARSE; y++) {
    for (let x = 0; x < COARSE; x++) {
      const at = 2 * y * FINE + 2 * x;
      const sum = [at, at + 1, at + FINE, at + FINE + 1].reduce(
        (sum, place) => sum + (fine[place] as number),
        0,
      );
      coarse[y * COARSE + x] = sum / 4;
    }
  }
}

function normalise(thumbnails: Float32Array, side: number): void {
  const length = side * side;
  const count = thumbnails.length / length;
  const rows = Array.from({ length: count }, (_, index) => rowOf(thumbnails, index, side));
  for (const row of rows) {
    divide(row, side);
    // The mean of the pixels is in the even half.
    const even = row.subarray(0, length / 2);
    const mean = even.reduce((sum, value) => sum + value, 0) / even.length;
    for (let place = 0; place < even.length; place++) even[place] = (even[place] as number) - mean;
    scale(row, FLAT * side);
  }
  subtractMean(thumbnails, { count, length, used: length / 2 });
  for (const row of rows) scale(row, 0.1);
}

/** Replaces an image by its halves that are even and odd under mirroring, whose squares sum up to those of its pixels. */
function divide(image: Float32Array, side: number): void {
  const half = side / 2;
  const copy = image.slice();
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < half; x++) {
      const [left, right] = [copy[y * side + x] as number, copy[y * side + side - 1 - x] as number];
      image[y * half + x] = (left + right) * Math.SQRT1_2;
      image[side * half + y * half + x] = (left - right) * Math.SQRT1_2;
    }
  }
}

/**
 * Subtracts the mean row from the first `used` values of each, so that what all images share does not make them alike.
 * (Of thumbnails only the even half has a mean that mirroring keeps.) Of few images only a part of the mean.
 */
export function subtractMean(
  rows: Float32Array,
  {
    count,
    length,
    used = length,
    mean = meanOf(rows, length),
  }: { count: number; length: number; used?: number; mean?: Float32Array },
): void {
  const share = count / (count + FEW);
  for (let begin = 0; begin < rows.length; begin += length) {
    for (let place = 0; place < used; place++) {
      rows[begin + place] = (rows[begin + place] as number) - share * (mean[place] as number);
    }
  }
}

/** The mean row. */
export function meanOf(rows: Float32Array, length: number): Float32Array {
  const sum = new Float64Array(length);
  for (let at = 0; at < rows.length; at++)
    sum[at % length] = (sum[at % length] as number) + (rows[at] as number);
  return Float32Array.from(sum, (value) => (value * length) / Math.max(1, rows.length));
}

/** Scales a row to length 1; one shorter than `least` becomes zero. */
export function scale(row: Float32Array, least: number): void {
  const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
  const factor = norm < least ? 0 : 1 / norm;
  for (let place = 0; place < row.length; place++) row[place] = (row[place] as number) * factor;
}
