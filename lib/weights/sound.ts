import type { HostTensor } from '../engine/native-computation.ts';
import { InputError } from '../errors.ts';

/*
 * Checks the values of tensors before a model uses them.
 */

/** Largest number of names that a message lists of each kind. */
const LISTED = 5;

/**
 * Checks that no tensor contains NaN, infinity or a negative running variance, with which every output would be NaN.
 *
 * @throws InputError `WEIGHTS_INVALID` with the names of the tensors
 */
export function requireSound(tensors: readonly HostTensor[], file: string): void {
  const infinite = tensors.filter((tensor) => !isAllFinite(tensor)).map(({ name }) => name);
  const negative = tensors
    .filter((tensor) => tensor.name.endsWith('.running_var') && hasNegative(tensor))
    .map(({ name }) => name);
  const problems = [
    listed('these tensors contain NaN or infinity as float32:', infinite),
    listed('these tensors contain negative variances:', negative),
  ].filter((problem) => problem !== null);
  if (problems.length === 0) return;
  throw new InputError(
    'WEIGHTS_INVALID',
    `The weights in ${file} cannot be used: ${problems.join('; ')}. Use a checkpoint from before the training diverged.`,
  );
}

function listed(problem: string, names: string[]): string | null {
  if (names.length === 0) return null;
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
  return `${problem} ${names.slice(0, LISTED).join(', ')}${more}`;
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

/** An aligned copy, over which a typed array can be made. */
function aligned(data: Uint8Array): ArrayBuffer {
  return data.slice().buffer as ArrayBuffer;
}

function every(values: ArrayLike<number>, holds: (value: number) => boolean): boolean {
  for (let index = 0; index < values.length; index++) if (!holds(values[index] as number)) return false;
  return true;
}
