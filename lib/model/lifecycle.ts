import { settle } from '../engine/job.ts';
import type { Job } from '../engine/native.ts';
import { TorchTlError } from '../errors.ts';
import { withFirstOf } from '../support/signals.ts';

/**
 * What may be asked of a model now: several pieces of work at a time, which the engine takes in turn, or one
 * that has the model to itself, or nothing after `dispose`.
 */
export class ModelState {
  readonly #disposal = new AbortController();
  readonly #free: () => void;
  #working = 0;
  #taken = false;

  /** @param free gives the model's memory back, once nothing works with it */
  constructor(free: () => void) {
    this.#free = free;
  }

  /** @throws TorchTlError `DISPOSED` */
  requireOpen(method: string): void {
    if (!this.#disposal.signal.aborted) return;
    throw new TorchTlError('DISPOSED', `DenseNet121.${method}() was called after dispose().`);
  }

  /** @throws TorchTlError `DISPOSED`, or `MODEL_BUSY` while something has the model to itself */
  requireIdle(method: string): void {
    this.requireOpen(method);
    if (this.#taken) throw busy(method, 'while fit() or findLearningRate() runs; await its result first');
  }

  /** @throws TorchTlError `DISPOSED`, or `MODEL_BUSY` while anything is going on */
  requireUnused(method: string): void {
    this.requireIdle(method);
    if (this.#working > 0) throw busy(method, 'while other methods work; await them first');
  }

  /** Work that `dispose` stops, or the signal given. */
  stoppable<Result>(
    given: AbortSignal | undefined,
    work: (stopped: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    return withFirstOf([this.#disposal.signal, given], work);
  }

  /** @throws what `requireIdle` and the work throw */
  async work<Result>(method: string, work: () => Promise<Result>): Promise<Result> {
    this.requireIdle(method);
    this.#working += 1;
    try {
      return await work();
    } finally {
      this.#working -= 1;
      this.#freeWhenDone();
    }
  }

  /** What a job of the model comes to, which `dispose` stops. */
  settle<Result>(start: () => Job<Result>): Promise<Result> {
    return this.stoppable(undefined, (stopped) => settle(start, stopped));
  }

  /** Work that has the model to itself, where `requireUnused` let it pass, and that is stopped as by `stoppable`. */
  async alone<Result>(
    given: AbortSignal | undefined,
    work: (stopped: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    this.#taken = true;
    try {
      return await this.stoppable(given, work);
    } finally {
      this.#taken = false;
      this.#freeWhenDone();
    }
  }

  /** Stops what is going on; the memory goes when that has ended. */
  dispose(): void {
    if (this.#disposal.signal.aborted) return;
    this.#disposal.abort(new TorchTlError('DISPOSED', 'The model was disposed while it was working.'));
    this.#freeWhenDone();
  }

  #freeWhenDone(): void {
    if (this.#disposal.signal.aborted && !this.#taken && this.#working === 0) this.#free();
  }
}

function busy(method: string, when: string): TorchTlError {
  return new TorchTlError('MODEL_BUSY', `DenseNet121.${method}() was called ${when}.`);
}
