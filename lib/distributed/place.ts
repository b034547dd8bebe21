import { availableParallelism } from 'node:os';
import { readMembership } from './environment.ts';

/** Where a process is among those on its machine. */
export interface Place {
  /** Number of this process among those on this machine, from 0. */
  localRank: number;
  /**
   * Number of CPU threads for each of them. undefined if this process is alone on its machine or in its job: the engine
   * then uses its default.
   */
  threads: number | undefined;
}

/**
 * The place of this process, from the variables that its launcher set. OMP_NUM_THREADS does not count: torchrun sets it
 * to 1 for everyone.
 *
 * @throws what `readMembership` throws
 */
export function placeOf({ distributed }: { distributed: 'auto' | 'off' }): Place {
  const membership = distributed === 'off' ? null : readMembership(process.env);
  if (membership === null) return { localRank: 0, threads: undefined };
  const { localRank, localSize } = membership;
  return { localRank, threads: Math.max(1, Math.floor(availableParallelism() / localSize)) };
}
