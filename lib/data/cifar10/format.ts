import { looseName, repeatedNames } from '../../support/names.ts';
import type { ImageSet } from '../image-set.ts';

/*
 * Shared by the readers of CIFAR-10's formats. https://www.cs.toronto.edu/~kriz/cifar.html
 */

export const SIDE = 32;
const PLANE = SIDE * SIDE;
/** Bytes per image. */
export const IMAGE = 3 * PLANE;

export const CLASSES = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

export interface Cifar10 {
  classes: string[];
  train: ImageSet;
  valid: ImageSet;
}

/** Whether these are the names of as many different classes as CIFAR-10 has. */
export function areClasses(names: ReadonlyArray<string | undefined>): names is string[] {
  const texts = names.filter((name) => name !== undefined);
  return (
    names.length === CLASSES.length && texts.length === names.length && repeatedNames(texts).length === 0
  );
}

/** The name in a list that equals `wanted`, ignoring case. */
export function nameAmong(names: readonly string[], wanted: string): string | undefined {
  return names.find((name) => looseName(name) === wanted);
}

/** The number of a batch, by which batches are sorted: 2 for `data_batch_2.bin`. */
export function batchNumber(name: string): number {
  return Number(name.replace(/\D/g, ''));
}

/** Converts planes `[3, 32, 32]` at offset `from` to pixels `[32, 32, 3]` at offset `to`. */
export function interleave(planes: Uint8Array, from: number, pixels: Uint8Array, to: number): void {
  for (let position = 0; position < PLANE; position++) {
    const target = to + 3 * position;
    pixels[target] = planes[from + position] as number;
    pixels[target + 1] = planes[from + PLANE + position] as number;
    pixels[target + 2] = planes[from + 2 * PLANE + position] as number;
  }
}
