import type { HostTensor } from '../engine/native.ts';
import { InputError } from '../errors.ts';

/*
 * Whether the numbers of tensors are such that a model can compute with them.
 */

/** How many names a message lists. */
const LISTED = 5;

/**
 * Makes sure that a model can compute with these tensors: with NaN, infinity or a negative variance in one, whatever it
 * sees comes out as NaN.
 *
 * @throws InputError `WEIGHTS_INVALID` that names the tensors
 */
export function requireSound(tensors: readonly HostTensor[], file: string): void {
  const infinite = tensors.filter((tensor) => !isAllFinite(tensor)).map(({ name }) => name);
  const negative = tensors
    .filter((tensor) => tensor.name.endsWith('.running_var') && hasNegative(tensor))
    .map(({ name }) => name);
  const problems = [
    listed('NaN or infinity, as float32, stands in', infinite),
    listed('there are variances below 0 in', negative),
  ].filter((problem) => problem !== null);
  if (problems.length === 0) return;
  throw new InputError(
    'WEIGHTS_INVALID',
    `The weights in ${file} cannot be used: ${problems.join('; ')}. Was the training that wrote them stopped early enough?`,
  );
}

function listed(what: string, names: string[]): string | null {
  if (names.length === 0) return null;
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
  return `${what} ${names.slice(0, LISTED).join(', ')}${more}`;
}

function isAllFinite({ dtype, data }: HostTensor): boolean {
  switch (dtype) {
    case 'float16':
      return every(words(data), (bits) => (bits & 0x7c00) !== 0x7c00);
    case 'bfloat16':
      return every(words(data), (bits) => (bits & 0x7f80) !== 0x7f80);
    case 'float32':
      return every(new Uint32Array(aligned(data)), (bits) => (bits & 0x7f800000) !== 0x7f800000);
    case 'float64':
      return every(new Float64Array(aligned(data)), (value) => Number.isFinite(Math.fround(value)));
    default:
      return true;
  }
}

function hasNegative({ dtype, data }: HostTensor): boolean {
  switch (dtype) {
    case 'float16':
    case 'bfloat16':
      return !every(words(data), (bits) => bits <= 0x8000);
    case 'float32':
      return !every(new Float32Array(aligned(data)), (value) => !(value < 0));
    case 'float64':
      return !every(new Float64Array(aligned(data)), (value) => !(value < 0));
    default:
      return false;
  }
}

function words(data: Uint8Array): Uint16Array {
  return new Uint16Array(aligned(data));
}

/** A copy, where an array of numbers may begin. */
function aligned(data: Uint8Array): ArrayBuffer {
  return data.slice().buffer as ArrayBuffer;
}

function every(values: ArrayLike<number>, holds: (value: number) => boolean): boolean {
  for (let index = 0; index < values.length; index++) if (!holds(values[index] as number)) return false;
  return true;
}
