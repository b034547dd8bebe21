import { unwritable } from '../support/files.ts';
import type { Cache, CacheKind } from './cache.ts';
import { listCaches } from './list.ts';

/** What was removed, and what was left because a running process holds it. */
export interface Cleared {
  removed: Cache[];
  inUse: Cache[];
}

/**
 * Removes caches. What a running process holds is left alone.
 *
 * @param olderThan milliseconds without use; 0 for all
 * @throws TorchTlError `WRITE_FAILED`
 */
export async function clearCaches(kinds: readonly CacheKind[], olderThan: number): Promise<Cleared> {
  const cleared: Cleared = { removed: [], inUse: [] };
  for (const cache of unusedFor(await listCaches(kinds), olderThan)) {
    const isRemoved = await cache.remove().catch((cause) => {
      throw unwritable(cache.path, cause);
    });
    (isRemoved ? cleared.removed : cleared.inUse).push(cache);
  }
  return cleared;
}

/** The caches that were not used for so many milliseconds. */
export function unusedFor(caches: readonly Cache[], milliseconds: number): Cache[] {
  return caches.filter(({ used }) => Date.now() - used >= milliseconds);
}
