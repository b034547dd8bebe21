import type { HostTensor } from '../engine/native-computation.ts';
import { InputError } from '../errors.ts';
import { isHostTensor, type StoredTensor } from '../formats/stored-tensor.ts';
import { requireSound } from './sound.ts';

/** Largest number of names that a message lists of each kind. */
const LISTED = 5;

export interface MatchOptions {
  /** Whether to ignore `classifier.*`, which the file may then have in any shape or not at all. */
  backboneOnly: boolean;
  /** Path of the file, for the message. */
  file: string;
}

/**
 * Selects the tensors of a file that a model loads. Counters named `num_batches_tracked` may be missing on either side,
 * since nothing is computed from them.
 *
 * @param expected all tensors of the model
 * @param stored all tensors of the file
 * @throws InputError `WEIGHTS_MISMATCH` with the names of tensors that are missing, unexpected, or of another shape or
 *   dtype; `WEIGHTS_INVALID` for values that a model cannot compute with
 */
export function matchWeights(
  expected: Array<{ name: string; shape: number[] }>,
  stored: StoredTensor[],
  { backboneOnly, file }: MatchOptions,
): HostTensor[] {
  const isLoaded = ({ name }: { name: string }) => !(backboneOnly && name.startsWith('classifier.'));
  const wanted = new Map(expected.filter(isLoaded).map((tensor) => [tensor.name, tensor]));
  const present = new Set(stored.map(({ name }) => name));

  const missing = [...wanted.keys()].filter((name) => !present.has(name) && !isCounter(name));
  const unexpected: string[] = [];
  const different: string[] = [];
  const matched: HostTensor[] = [];
  for (const tensor of stored.filter(isLoaded)) {
    const place = wanted.get(tensor.name);
    if (!place) {
      if (!isCounter(tensor.name)) unexpected.push(tensor.name);
      continue;
    }
    const difference = differenceOf(tensor, place.shape);
    if (difference === undefined && isHostTensor(tensor)) matched.push(tensor);
    else different.push(`${tensor.name} (${difference})`);
  }

  const problems = [
    listed('missing', missing),
    listed('unexpected', unexpected),
    listed('different', different),
  ].filter((problem) => problem !== '');
  if (problems.length > 0) {
    throw new InputError(
      'WEIGHTS_MISMATCH',
      `The weights in ${file} do not fit the model. ${problems.join('. ')}.`,
    );
  }
  requireSound(matched, file);
  return matched;
}

function isCounter(name: string): boolean {
  return name.endsWith('.num_batches_tracked');
}

function differenceOf(tensor: StoredTensor, expected: number[]): string | undefined {
  const { name, dtype, shape } = tensor;
  if (shape.length !== expected.length || shape.some((side, index) => side !== expected[index])) {
    return `[${shape.join(', ')}], expected [${expected.join(', ')}]`;
  }
  if (isCounter(name)) return isHostTensor(tensor) ? undefined : `${dtype}, expected int64`;
  return isHostTensor(tensor) && /float/.test(dtype) ? undefined : `${dtype}, expected floating point`;
}

function listed(kind: string, names: string[]): string {
  if (names.length === 0) return '';
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
  return `${kind[0]?.toUpperCase()}${kind.slice(1)}: ${names.slice(0, LISTED).join(', ')}${more}`;
}
