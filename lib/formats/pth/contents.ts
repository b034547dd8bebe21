import type { Refuse } from '../../support/quoted.ts';
import { Dict, type PickleValue, Tuple } from '../pickle.ts';
import { TorchTensor } from './tensors.ts';

/** A tensor or a plain value, and the keys and indices that lead to it, joined by dots. */
export interface Item {
  path: string;
  value: TorchTensor | null | boolean | number | bigint | string;
}

/** How deep containers may lie in each other, and how many values there may be: more is meant to hurt. */
const MAX_DEPTH = 64;
const MAX_VALUES = 1_000_000;

/** The most characters of all keys that lead to a value. */
const MAX_PATH = 4096;

/** Everything in what a file holds. Containers that stand in several places are listed in each. */
export function* itemsOf(root: PickleValue, refuse: Refuse): Generator<Item> {
  let count = 0;
  function* walk(value: PickleValue, path: string[]): Generator<Item> {
    if (path.length > MAX_DEPTH) throw refuse(`its containers lie more than ${MAX_DEPTH} deep in each other`);
    count += 1;
    if (count > MAX_VALUES) throw refuse(`it holds more than ${MAX_VALUES} values`);
    if (path.reduce((sum, { length }) => sum + length, 0) > MAX_PATH) {
      throw refuse(`keys of more than ${MAX_PATH} characters lead to a value in it`);
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
