import type { HostTensor } from '../engine/native.ts';
import { InputError } from '../errors.ts';
import { isHostTensor, type StoredTensor } from '../formats/stored-tensor.ts';
import { requireSound } from './sound.ts';

/** How many names of one kind a message lists. */
const LISTED = 5;

export interface MatchOptions {
  /** Load everything but `classifier.*`, which the file may have in any shape or not at all. */
  backboneOnly: boolean;
  /** Where `given` came from, for the message. */
  file: string;
}

/**
 * The tensors of a file that go into a model. Counters named `num_batches_tracked` may be missing on
 * either side, since nothing is computed from them.
 *
 * @param expected every tensor of the model
 * @param given every tensor of the file
 * @throws InputError `WEIGHTS_MISMATCH` that names what is missing, unexpected, or of another shape
 *   or kind; `WEIGHTS_INVALID` where a model cannot compute with them
 */
export function matchWeights(
  expected: Array<{ name: string; shape: number[] }>,
  given: StoredTensor[],
  { backboneOnly, file }: MatchOptions,
): HostTensor[] {
  const concerns = ({ name }: { name: string }) => !(backboneOnly && name.startsWith('classifier.'));
  const wanted = new Map(expected.filter(concerns).map((tensor) => [tensor.name, tensor]));
  const present = new Set(given.map(({ name }) => name));

  const missing = [...wanted.keys()].filter((name) => !present.has(name) && !isCounter(name));
  const unexpected: string[] = [];
  const different: string[] = [];
  const matched: HostTensor[] = [];
  for (const tensor of given.filter(concerns)) {
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
