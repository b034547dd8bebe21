import type { Refuse } from '../../support/quoted.ts';
import { type PickleValue, Tuple, unpickle } from '../pickle.ts';
import { findGlobal, isCount, type Storage, StorageType } from './tensors.ts';

/** What the persistent ids of a pickle of tensors stand for: storages, which lie outside of it. */
export interface Names {
  refuse: Refuse;
  /**
   * @param key as the file calls the storage
   * @param count of its elements
   * @param view of a legacy file: which part of the storage is meant, null for all of it
   */
  storage(type: StorageType, key: string, count: number, view: PickleValue): Storage;
}

/** A pickle at `offset` whose storages are found by `storage`. */
export function readPickle(
  bytes: Uint8Array,
  offset: number,
  { refuse, storage }: Names,
): { value: PickleValue; end: number } {
  const load = (id: PickleValue) => {
    const [kind, type, key, , count, view = null] = id instanceof Tuple ? id.items : [];
    if (kind !== 'storage' || !(type instanceof StorageType) || typeof key !== 'string' || !isCount(count)) {
      throw refuse('its pickle asks for something from outside that is no storage');
    }
    return storage(type, key, count, view);
  };
  return unpickle(bytes, offset, { find: (module, name) => findGlobal(module, name, refuse), load, refuse });
}
