import { z } from 'zod';
import { invalidArgument } from '../errors.ts';

/** The numbers that an option may be: whole ones or any, from `min` to `max`. */
export interface NumberRange {
  min: number;
  max: number;
  whole: boolean;
  /** The ends themselves are left out. */
  above?: boolean;
  below?: boolean;
}

/**
 * The range of every numeric option, where it is declared: tests try both ends of all that are here. What lies between
 * them the engine can compute with, and holds what anyone trains with.
 */
export const numberRange = z.registry<NumberRange>();

/** So many epochs, steps or images in a batch are more than anyone has. */
const MANY = 1_000_000;

/** From `min` to `max`, both included. */
export const integer = (min: number, max = MANY) => declared({ min, max, whole: true });

/** The same of any number. */
export const number = (min: number, max: number) => declared({ min, max, whole: false });

/** A number of these, or the word, for which programs may give null. */
export function orOff({ min, max, whole }: NumberRange) {
  const error = `${phraseOf({ min, max, whole })}, or off`;
  return z.union(
    [declared({ min, max, whole }, error), z.literal('off'), z.null().transform(() => 'off' as const)],
    {
      error,
    },
  );
}

/** What weights move by: float32 holds its products with gradients, and the quotient of any two. */
export const learningRate = () => number(1e-12, MANY);

/** Of a loss or a factor. */
export const notNegative = () => number(0, MANY);

/** Of a class. float32 holds the sum over a batch, and one part of it. */
export const classWeight = () => number(1e-9, 1e9);

export const imageSize = () => integer(32, 4096);

/** So many images of a set. */
export const limit = () => integer(1, 1_000_000_000);

/** More than processors have; OpenMP itself dies of some thousands. */
export const threads = () => integer(1, 1024);

/** PyTorch's generator for processors starts from 32 bits: no two seeds may mean the same. */
export const seed = () => integer(0, 2 ** 32 - 1);

/** Of a draw of our own, which takes all of a number that a program can name. */
export const wideSeed = () => integer(0, Number.MAX_SAFE_INTEGER);

/** Above 0 and below 1. */
export const between0And1 = () =>
  declared({ min: 0, max: 1, whole: false, above: true, below: true }, 'a number between 0 and 1');

/** 0 included, 1 not. */
export const below1 = () =>
  declared({ min: 0, max: 1, whole: false, below: true }, 'a number of at least 0 and below 1');

/** Two numbers from `min` to `max`, the smaller first. */
export function interval(min: number, max: number) {
  const error = `two numbers from ${min} to ${max}, the smaller first`;
  const end = () => declared({ min, max, whole: false }, error);
  return z.tuple([end(), end()], { error }).refine(([low, high]) => low <= high, { error });
}

/**
 * An argument that is no option.
 *
 * @throws InputError `INVALID_ARGUMENT`
 */
export function checkNumber(name: string, type: z.ZodNumber, value: unknown): number {
  const checked = type.safeParse(value);
  if (checked.success) return checked.data;
  throw invalidArgument(name, checked.error.issues[0]?.message ?? '', value);
}

function declared(range: NumberRange, error = phraseOf(range)): z.ZodNumber {
  const { min, max, whole, above, below } = range;
  const type: z.ZodNumber = whole ? z.int({ error }) : z.number({ error });
  const bounded = above ? type.gt(min, { error }) : type.min(min, { error });
  return (below ? bounded.lt(max, { error }) : bounded.max(max, { error })).register(numberRange, range);
}

function phraseOf({ min, max, whole }: NumberRange): string {
  return `${whole ? 'an integer' : 'a number'} from ${min} to ${max}`;
}
