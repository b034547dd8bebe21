import { describe, expect, test } from 'vitest';
import { guarded, settle } from '../../lib/engine/job.ts';
import type { Job } from '../../lib/engine/native.ts';
import { TorchTlError } from '../../lib/errors.ts';

describe('settle', () => {
  test('gives what the job comes to', async () => {
    const job = pendingJob<number>();
    const settled = settle(() => job, new AbortController().signal);
    job.resolve(7);
    expect(await settled).toBe(7);
  });

  test("stops the job on an abort and rejects with the signal's reason", async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const settled = settle(() => pendingJob(), controller.signal);
    controller.abort(reason);
    await expect(settled).rejects.toBe(reason);
  });

  test("rejects with the signal's reason where the job was done by then", async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const job = pendingJob<number>({ ignoresAbort: true });
    const settled = settle(() => job, controller.signal);
    job.resolve(7);
    controller.abort(reason);
    await expect(settled).rejects.toBe(reason);
  });

  test('starts nothing where the signal has stopped it already', async () => {
    const settled = settle(() => expect.fail('it started'), AbortSignal.abort('before'));
    await expect(settled).rejects.toBe('before');
  });

  test("rejects with the job's own error where it fails, also after an abort", async () => {
    const controller = new AbortController();
    const job = pendingJob({ ignoresAbort: true });
    const settled = settle(() => job, controller.signal);
    controller.abort();
    const failure = new TorchTlError('OUT_OF_MEMORY', 'too large');
    job.reject(failure);
    await expect(settled).rejects.toBe(failure);
  });
});

describe('guarded', () => {
  test('turns what a callback throws into an abort', () => {
    const failure = new AbortController();
    const thrown = new Error('mistake');
    guarded(() => {
      throw thrown;
    }, failure)(undefined);
    expect(failure.signal.reason).toBe(thrown);
  });

  test('passes events on', () => {
    const events: number[] = [];
    const failure = new AbortController();
    guarded<number>((event) => events.push(event), failure)(3);
    expect(events).toEqual([3]);
    expect(failure.signal.aborted).toBe(false);
  });
});

interface PendingJob<Result> extends Job<Result> {
  resolve(result: Result): void;
  reject(error: Error): void;
}

/** A job that ends when the test says so; an abort ends it as the engine would. */
function pendingJob<Result>({ ignoresAbort = false } = {}): PendingJob<Result> {
  let settleResult: Pick<PendingJob<Result>, 'resolve' | 'reject'> | undefined;
  const result = new Promise<Result>((resolve, reject) => {
    settleResult = { resolve, reject };
  });
  const { resolve, reject } = settleResult as Pick<PendingJob<Result>, 'resolve' | 'reject'>;
  const abort = () => {
    if (!ignoresAbort) reject(new TorchTlError('ABORTED', 'the job was aborted'));
  };
  return { result, resolve, reject, abort };
}
