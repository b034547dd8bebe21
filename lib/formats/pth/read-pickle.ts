import type { Refuse } from '../../support/quoted.ts';
import { type PickleValue, Tuple, unpickle } from '../pickle.ts';
import { findGlobal, isCount, type Storage, StorageType } from './tensors.ts';

/** Resolves the persistent ids of a pickle of tensors: storages, which lie outside the pickle. */
export interface PickleContext {
  refuse: Refuse;
  /**
   * Finds a storage.
   *
   * @param key name of the storage in the file
   * @param count number of its elements
   * @param view in a legacy file, the part of the storage that is used; null for all of it
   */
  storage(type: StorageType, key: string, count: number, view: PickleValue): Storage;
}

/** Reads the pickle of tensors at `offset`. `end` is the offset after it. */
export function readPickle(
  bytes: Uint8Array,
  offset: number,
  { refuse, storage }: PickleContext,
): { value: PickleValue; end: number } {
  const load = (id: PickleValue) => {
    const [kind, type, key, , count, view = null] = id instanceof Tuple ? id.items : [];
    if (kind !== 'storage' || !(type instanceof StorageType) || typeof key !== 'string' || !isCount(count)) {
      throw refuse('its pickle refers to an external object that is not a storage');
    }
    return storage(type, key, count, view);
  };
  return unpickle(bytes, offset, { find: (module, name) => findGlobal(module, name, refuse), load, refuse });
}
