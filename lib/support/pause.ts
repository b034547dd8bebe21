import { setTimeout } from 'node:timers/promises';

/** Waits so long, or throws the signal's reason before. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(milliseconds, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
}
