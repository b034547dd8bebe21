import { z } from 'zod';
import { invalidArgument } from '../errors.ts';

/** The numbers that an option accepts: integers or any numbers from `min` to `max`. */
export interface NumberRange {
  min: number;
  max: number;
  whole: boolean;
  /** Exclude `min` or `max` itself. */
  above?: boolean;
  below?: boolean;
}

/**
 * The range of every numeric option. Tests try both ends of each. The ranges cover every practical value, and the
 * engine can compute with every value in them.
 */
export const numberRange = z.registry<NumberRange>();

/** Upper bound of epochs, steps and images per batch, beyond any practical value. */
const MANY = 1_000_000;

/** An integer from `min` to `max`, both included. */
export const integer = (min: number, max = MANY) => declared({ min, max, whole: true });

/** A number from `min` to `max`, both included. */
export const number = (min: number, max: number) => declared({ min, max, whole: false });

/** A number in a range, or `off`, for which programs may also pass null. */
export function orOff({ min, max, whole }: NumberRange) {
  const error = `${phraseOf({ min, max, whole })}, or off`;
  return z.union(
    [declared({ min, max, whole }, error), z.literal('off'), z.null().transform(() => 'off' as const)],
    {
      error,
    },
  );
}

/** A learning rate. float32 can hold its product with gradients, and the quotient of any two rates. */
export const learningRate = () => number(1e-12, MANY);

/** A loss or factor of at least 0. */
export const notNegative = () => number(0, MANY);

/** The weight of a class. float32 can hold the sum over a batch, and a single term beside it. */
export const classWeight = () => number(1e-9, 1e9);

export const imageSize = () => integer(32, 4096);

/** Maximum number of images of a set. */
export const limit = () => integer(1, 1_000_000_000);

/** Number of threads. No processor has more than the maximum, and OpenMP crashes with several thousand. */
export const threads = () => integer(1, 1024);

/** A seed of 32 bits: PyTorch's CPU generator uses no more, and two seeds must not be equivalent. */
export const seed = () => integer(0, 2 ** 32 - 1);

/** A seed of our own generators, which use every safe integer. */
export const wideSeed = () => integer(0, Number.MAX_SAFE_INTEGER);

/** A number greater than 0 and less than 1. */
export const between0And1 = () =>
  declared({ min: 0, max: 1, whole: false, above: true, below: true }, 'a number between 0 and 1');

/** A number of at least 0 and less than 1. */
export const below1 = () =>
  declared({ min: 0, max: 1, whole: false, below: true }, 'a number of at least 0 and less than 1');

/** A pair of numbers from `min` to `max`, the smaller first. */
export function interval(min: number, max: number) {
  const error = `two numbers from ${min} to ${max}, the smaller first`;
  const end = () => declared({ min, max, whole: false }, error);
  return z.tuple([end(), end()], { error }).refine(([low, high]) => low <= high, { error });
}

/**
 * Checks a numeric argument that is not in an options object.
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
