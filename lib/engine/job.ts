import { onAbort } from '../support/signals.ts';
import type { Job } from './native.ts';

/**
 * Starts a native job and returns its result. `signal` stops the job.
 *
 * @throws the signal's reason after an abort, even if the job had already finished; else the job's error
 */
export async function settle<Result>(start: () => Job<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  const job = start();
  const end = onAbort(signal, () => job.abort());
  try {
    const result = await job.result;
    signal.throwIfAborted();
    return result;
  } catch (error) {
    const stopped = signal.aborted && (error as { code?: string }).code === 'ABORTED';
    throw stopped ? signal.reason : error;
  } finally {
    end();
  }
}

/** Wraps a callback for the engine, which must not throw: its errors abort `failure` instead. */
export function guarded<Event>(callback: (event: Event) => void, failure: AbortController) {
  return (event: Event): void => {
    try {
      callback(event);
    } catch (error) {
      failure.abort(error);
    }
  };
}
