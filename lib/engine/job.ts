import { onAbort, withFirstOf } from '../support/signals.ts';
import type { Job } from './native.ts';

/**
 * What a native job comes to; `signal` stops it.
 *
 * @throws the signal's reason, also where the job was done by then; else the job's error
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
 * The same of a job that calls back; what the callback throws stops it too.
 *
 * @throws as above, or what the callback threw
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

/** A callback for the engine, out of which nothing may be thrown: what it throws aborts `failure`. */
export function guarded<Event>(callback: (event: Event) => void, failure: AbortController) {
  return (event: Event): void => {
    try {
      callback(event);
    } catch (error) {
      failure.abort(error);
    }
  };
}
