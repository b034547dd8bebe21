import { onAbort, withFirstOf } from '../support/signals.ts';
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

/**
 * Starts a native job that reports events and returns its result. An error thrown by `callback` stops the job too.
 *
 * @throws as `settle`; the error that `callback` threw
 */
export async function settleReporting<Event, Result>(
  callback: (event: Event) => void,
  start: (report: (event: Event) => void) => Job<Result>,
  stopped: AbortSignal,
): Promise<Result> {
  const failure = new AbortController();
  const report = guarded(callback, failure);
  return withFirstOf([stopped, failure.signal], (signal) => settle(() => start(report), signal));
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
