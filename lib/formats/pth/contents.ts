import type { Refuse } from '../../support/quoted.ts';
import { Dict, type PickleValue, Tuple } from '../pickle.ts';
import { TorchTensor } from './tensors.ts';

/** A tensor or plain value, and its path: the keys and indices that lead to it, joined by dots. */
export interface Item {
  path: string;
  value: TorchTensor | null | boolean | number | bigint | string;
}

/** Limits of nesting depth and of the number of values. No honest file exceeds them. */
const MAX_DEPTH = 64;
const MAX_VALUES = 1_000_000;

/** Largest number of characters in the keys of a path. */
const MAX_PATH = 4096;

/**
 * Lists every tensor and plain value in the contents of a file. A container that occurs several times is listed each
 * time.
 */
export function* itemsOf(root: PickleValue, refuse: Refuse): Generator<Item> {
  let count = 0;
  function* walk(value: PickleValue, path: string[]): Generator<Item> {
    if (path.length > MAX_DEPTH) throw refuse(`its containers nest more than ${MAX_DEPTH} deep`);
    count += 1;
    if (count > MAX_VALUES) throw refuse(`it holds more than ${MAX_VALUES} values`);
    if (path.reduce((sum, { length }) => sum + length, 0) > MAX_PATH) {
      throw refuse(`the keys that lead to one of its values have more than ${MAX_PATH} characters`);
    }
    if (value === null || value instanceof TorchTensor || typeof value !== 'object') {
      yield { path: path.join('.'), value };
      return;
    }
    for (const [key, inner] of childrenOf(value)) yield* walk(inner, [...path, key]);
  }
  yield* walk(root, []);
}

function childrenOf(value: PickleValue): Iterable<[string, PickleValue]> {
  if (value instanceof Dict) return [...value.entries].map(([key, inner]) => [keyText(key), inner]);
  const items = value instanceof Tuple ? value.items : Array.isArray(value) ? value : [];
  return items.map((inner, index) => [String(index), inner]);
}

function keyText(key: PickleValue): string {
  return key === null || typeof key !== 'object' ? String(key) : '?';
}
