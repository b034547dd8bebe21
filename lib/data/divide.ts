import { shuffled } from '../support/random.ts';

/** Images that stay together. */
interface Unit {
  images: number[];
  /** Number of its images per class. */
  counts: Map<number, number>;
}

/** At most this many times all units are tried on the other sides; a few passes nearly always suffice. */
const PASSES = 20;

/** Number of orders that are tried, the later ones at random, until every side has each class that it can have. */
const ORDERS = 8;

/** A change of the deviation that is no more than rounding. */
const ROUNDING = 1e-9;

/**
 * Divides the units of a data set among several sides, such as training and validation, or folds, so that every side
 * gets about as many images of each class as it wants. The measure is Pearson's chi-square, the sum of
 * `(images - wanted)² / wanted`. Larger units are placed first, each where the sum grows least, as in scikit-learn's
 * StratifiedGroupKFold; then single units move as long as that helps. Of a class with as many units as there are sides,
 * every side gets some, if a few orders lead there. No side stays empty if there are enough units.
 *
 * Single images reach whole wanted numbers exactly. Among equally good sides the emptiest is chosen.
 *
 * @param labels int64 `[count]`: indices into the classes
 * @param units of the images, from `unitsOf`
 * @param wanted number of images per side and class: `[sides][classes]`; fractions are fine
 * @param random numbers from 0 to less than 1, which order equally large units
 * @returns the side of each image
 */
export function divideUnits(
  labels: BigInt64Array,
  units: readonly number[],
  wanted: ReadonlyArray<readonly number[]>,
  random: () => number,
): number[] {
  const all = collected(labels, units);
  let best: Sides | undefined;
  for (let order = 0; order < ORDERS && best?.missing !== 0; order++) {
    const ordered = order === 0 ? largestFirst(all, random) : shuffled(all, random);
    const sides = placed(ordered, wanted);
    if (!best || sides.missing < best.missing) best = sides;
  }
  const result = new Array<number>(labels.length);
  for (const unit of all) for (const image of unit.images) result[image] = best?.of(unit) as number;
  return result;
}

function placed(units: readonly Unit[], wanted: ReadonlyArray<readonly number[]>): Sides {
  const sides = new Sides(units, wanted);
  for (const unit of units) sides.add(unit, sides.bestFor(unit));
  for (let pass = 0; pass < PASSES && units.filter((unit) => sides.improve(unit)).length > 0; pass++);
  return sides;
}

function collected(labels: BigInt64Array, units: readonly number[]): Unit[] {
  const all = new Map<number, Unit>();
  for (const [image, id] of units.entries()) {
    const unit: Unit = all.get(id) ?? { images: [], counts: new Map() };
    all.set(id, unit);
    const label = Number(labels[image]);
    unit.images.push(image);
    unit.counts.set(label, (unit.counts.get(label) ?? 0) + 1);
  }
  return [...all.values()];
}

/** Equally large units by class: what is left of a class then goes to the sides that have fewest images. */
function largestFirst(units: readonly Unit[], random: () => number): Unit[] {
  const classOf = ({ counts }: Unit) => counts.keys().next().value as number;
  return shuffled(units, random).sort((a, b) => b.images.length - a.images.length || classOf(a) - classOf(b));
}

/** The units of each side so far. */
class Sides {
  readonly #wanted: ReadonlyArray<readonly number[]>;
  /** Wanted number of images per side. */
  readonly #sizes: number[];
  /** Number of images per side and class, of units per side and class, and of all images and units per side. */
  readonly #images: number[][];
  readonly #units: number[][];
  readonly #allImages: number[];
  readonly #allUnits: number[];
  /** Number of units per class, and of all. */
  readonly #unitsOfClass: number[];
  readonly #unitCount: number;
  readonly #sideOf = new Map<Unit, number>();

  constructor(units: readonly Unit[], wanted: ReadonlyArray<readonly number[]>) {
    const zeros = (count: number) => new Array<number>(count).fill(0);
    const classes = wanted[0]?.length ?? 0;
    this.#wanted = wanted;
    this.#sizes = wanted.map((perClass) => perClass.reduce((sum, number) => sum + number, 0));
    this.#images = wanted.map(() => zeros(classes));
    this.#units = wanted.map(() => zeros(classes));
    this.#allImages = zeros(wanted.length);
    this.#allUnits = zeros(wanted.length);
    this.#unitsOfClass = zeros(classes);
    this.#unitCount = units.length;
    for (const { counts } of units) for (const label of counts.keys()) bump(this.#unitsOfClass, label, 1);
  }

  of(unit: Unit): number {
    return this.#sideOf.get(unit) as number;
  }

  add(unit: Unit, side: number): void {
    this.#sideOf.set(unit, side);
    this.#change(unit, side, 1);
  }

  /** The side where a unit adds least to the deviation. */
  bestFor(unit: Unit): number {
    const costs = this.#wanted.map((_, side) => this.#increase(unit, side));
    const fill = (side: number) => (this.#allImages[side] as number) / (this.#sizes[side] as number);
    return [...costs.keys()].reduce((best, side) => {
      const difference = (costs[side] as number) - (costs[best] as number);
      return difference < 0 || (difference === 0 && fill(side) < fill(best)) ? side : best;
    });
  }

  /**
   * Moves a unit to the side where it belongs most, if that is not its own: first so that classes are missing on fewer
   * sides, then by the deviation. Returns whether it has moved.
   */
  improve(unit: Unit): boolean {
    const from = this.of(unit);
    const before = this.#missing(unit.counts.keys());
    this.#change(unit, from, -1);
    const options = this.#wanted.map((_, side) => {
      this.#change(unit, side, 1);
      const missing = this.#missing(unit.counts.keys()) - before;
      this.#change(unit, side, -1);
      return { side, missing, deviation: this.#increase(unit, side) };
    });
    const stay = options[from] as (typeof options)[number];
    const best = options.reduce((best, option) => {
      if (option.missing !== best.missing) return option.missing < best.missing ? option : best;
      return option.deviation < best.deviation - ROUNDING ? option : best;
    }, stay);
    this.add(unit, best.side);
    return best !== stay;
  }

  /** How much the deviation grows if a unit joins a side. */
  #increase({ counts }: Unit, side: number): number {
    let sum = 0;
    for (const [label, count] of counts) {
      // At least a half, since a side may want none of a class.
      const wanted = Math.max(this.#wanted[side]?.[label] as number, 0.5);
      sum += (count * (2 * (this.#images[side]?.[label] as number) + count)) / wanted;
    }
    return sum;
  }

  /** On how many sides too few there are images of each class, and images at all: the sum over all classes. */
  get missing(): number {
    return this.#missing(this.#unitsOfClass.keys());
  }

  #missing(labels: Iterable<number>): number {
    let sum = this.#tooFew(this.#unitCount, (side) => this.#allUnits[side] as number);
    for (const label of labels) {
      const units = this.#unitsOfClass[label] as number;
      sum += this.#tooFew(units, (side) => this.#units[side]?.[label] as number);
    }
    return sum;
  }

  /** On how many sides too few `units` units stand. */
  #tooFew(units: number, unitsAt: (side: number) => number): number {
    let found = 0;
    for (let side = 0; side < this.#wanted.length; side++) found += unitsAt(side) > 0 ? 1 : 0;
    return Math.min(units, this.#wanted.length) - found;
  }

  #change({ images, counts }: Unit, side: number, by: 1 | -1): void {
    bump(this.#allImages, side, by * images.length);
    bump(this.#allUnits, side, by);
    for (const [label, count] of counts) {
      bump(this.#images[side] as number[], label, by * count);
      bump(this.#units[side] as number[], label, by);
    }
  }
}

function bump(numbers: number[], index: number, by: number): void {
  numbers[index] = (numbers[index] as number) + by;
}
