/** Steps in which likeness is told apart: with a place below 2^32 it fits into the 53 bits of a number. */
const STEPS = 2 ** 20;
const PLACES = 2 ** 32;

/**
 * The likest pairs of many. Each image keeps the `limit` others that it is likest to, of equals those that come first,
 * and a pair stays if one of its two images keeps it: so no image loses its twin, however many others are alike. It
 * takes 16 x `limit` bytes per image at most, and less for images with fewer pairs.
 */
export class BestPairs implements Iterable<[first: number, second: number]> {
  readonly #limit: number;
  /** For each image, numbers that sort by likeness and then by the other image's place, last to first. */
  readonly #kept: number[][];
  /** For each image, what a number must exceed to be among its `limit` highest. */
  readonly #floors: Float64Array;

  constructor(count: number, limit: number) {
    this.#limit = limit;
    this.#kept = Array.from({ length: count }, () => []);
    this.#floors = new Float64Array(count);
  }

  /** Adds a pair of images once, by their places, with a likeness from 0 to 1. */
  add(first: number, second: number, likeness: number): void {
    const key = Math.round(likeness * STEPS) * PLACES + PLACES - 1;
    this.#keep(first, key - second);
    this.#keep(second, key - first);
  }

  #keep(image: number, key: number): void {
    if (key <= (this.#floors[image] as number)) return;
    const kept = this.#kept[image] as number[];
    // Sorting twice as many as stay, now and then, costs less than keeping them in order.
    if (kept.push(key) === 2 * this.#limit) this.#trim(image);
  }

  /** The highest numbers of an image, in order. */
  #trim(image: number): number[] {
    const kept = this.#kept[image] as number[];
    kept.sort((a, b) => b - a);
    if (kept.length < this.#limit) return kept;
    kept.length = this.#limit;
    this.#floors[image] = kept.at(-1) as number;
    return kept;
  }

  /** Gives every pair that stays once, the lesser place first. */
  *[Symbol.iterator](): Generator<[first: number, second: number]> {
    for (const image of this.#kept.keys()) this.#trim(image);
    for (const [image, kept] of this.#kept.entries()) {
      for (const key of kept) {
        const other = PLACES - 1 - (key % PLACES);
        if (image < other) yield [image, other];
        else if (!this.#kept[other]?.includes(key + other - image)) yield [other, image];
      }
    }
  }
}
