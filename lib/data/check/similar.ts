import { setImmediate } from 'node:timers/promises';
import { BestPairs } from './best-pairs.ts';
import { COARSE, FINE, type Thumbnails } from './thumbnails.ts';

/** Two images whose thumbnails are alike; `first` is less than `second`. */
export interface SimilarPair {
  first: number;
  second: number;
  /** Correlation of the thumbnails, from -1 to 1. */
  correlation: number;
  /** Whether one is like the mirror image of the other. */
  mirrored: boolean;
}

/** Images per side of a block of comparisons: some milliseconds, over rows that stay in the processor's cache. */
const BLOCK = 512;

/**
 * Others of which an image keeps the likest, so that a film does not make billions of pairs. Most are only of one
 * composition, and fall out when features and detail are compared; a twin is likest of all.
 */
const CANDIDATES = 128;

/**
 * Finds the pairs of images whose thumbnails, or one and the mirror image of the other, correlate by at least
 * `threshold`, which must be positive: of each image the 128 likest. Every image is compared with every other, block by
 * block: half a product of `[count, 64]` with its transpose at most, in memory of about the thumbnails' size.
 *
 * @param isCompared which images take part
 * @throws the signal's reason after an abort; what `onProgress` throws
 */
export async function similarPairs(
  thumbnails: Thumbnails,
  threshold: number,
  {
    isCompared = () => true,
    signal,
    onProgress = () => {},
  }: {
    isCompared?: (index: number) => boolean;
    signal?: AbortSignal | undefined;
    onProgress?: (done: number, total: number) => void;
  } = {},
): Promise<Iterable<[first: number, second: number]>> {
  const search = new Search(thumbnails, threshold, isCompared);
  const { count } = thumbnails;
  for (let first = 0; first < count; first += BLOCK) {
    for (let second = first; second < count; second += BLOCK) {
      search.compare(first, second);
      await setImmediate();
      signal?.throwIfAborted();
    }
    onProgress(Math.min(count, first + BLOCK), count);
  }
  return search.pairs;
}

/** How alike the thumbnails of two images are, by the likelier of one and its mirror image. */
export function similarity({ fine }: Thumbnails, first: number, second: number): SimilarPair {
  const [half, length] = [(FINE * FINE) / 2, FINE * FINE];
  const even = dot(fine, first * length, second * length, half);
  const odd = dot(fine, first * length + half, second * length + half, half);
  return { first, second, correlation: Math.min(1, even + Math.abs(odd)), mirrored: odd < 0 };
}

class Search {
  readonly pairs: BestPairs;
  readonly #thumbnails: Thumbnails;
  readonly #threshold: number;
  readonly #isCompared: boolean[];
  /** Length of the odd half of each coarse thumbnail: how much it may add to a correlation. */
  readonly #odd: Float32Array;

  constructor(thumbnails: Thumbnails, threshold: number, isCompared: (index: number) => boolean) {
    const { count, coarse } = thumbnails;
    const half = (COARSE * COARSE) / 2;
    this.pairs = new BestPairs(count, CANDIDATES);
    this.#thumbnails = thumbnails;
    this.#threshold = threshold;
    this.#isCompared = Array.from({ length: count }, (_, index) => isCompared(index));
    this.#odd = Float32Array.from({ length: count }, (_, index) => {
      const at = 2 * half * index + half;
      return Math.sqrt(dot(coarse, at, at, half));
    });
  }

  /** Compares the images of two blocks, each pair once. */
  compare(firstBlock: number, secondBlock: number): void {
    const { count, coarse } = this.#thumbnails;
    const [half, length, threshold, odds] = [
      (COARSE * COARSE) / 2,
      COARSE * COARSE,
      this.#threshold,
      this.#odd,
    ];
    const [firstEnd, secondEnd] = [Math.min(firstBlock + BLOCK, count), Math.min(secondBlock + BLOCK, count)];
    for (let first = firstBlock; first < firstEnd; first++) {
      if (!this.#isCompared[first]) continue;
      const odd = odds[first] as number;
      for (let second = Math.max(secondBlock, first + 1); second < secondEnd; second++) {
        const even = dot(coarse, first * length, second * length, half);
        // The odd halves can add no more than the product of their lengths.
        if (even + odd * (odds[second] as number) < threshold) continue;
        const rest = dot(coarse, first * length + half, second * length + half, half);
        if (even + Math.abs(rest) >= threshold && this.#isCompared[second]) this.#examine(first, second);
      }
    }
  }

  /** Adds a pair if its fine thumbnails are alike too. */
  #examine(first: number, second: number): void {
    const { correlation } = similarity(this.#thumbnails, first, second);
    if (correlation >= this.#threshold) this.pairs.add(first, second, correlation);
  }
}

/** Product of two runs of values. Four sums at a time, since each addition waits for the one before. */
function dot(values: Float32Array, a: number, b: number, length: number): number {
  let [s, t, u, v] = [0, 0, 0, 0];
  for (let at = 0; at < length; at += 4) {
    s += (values[a + at] as number) * (values[b + at] as number);
    t += (values[a + at + 1] as number) * (values[b + at + 1] as number);
    u += (values[a + at + 2] as number) * (values[b + at + 2] as number);
    v += (values[a + at + 3] as number) * (values[b + at + 3] as number);
  }
  return s + t + u + v;
}
