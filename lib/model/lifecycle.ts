import { settle } from '../engine/job.ts';
import type { Job } from '../engine/native.ts';
import { TorchTlError } from '../errors.ts';
import { withFirstOf } from '../support/signals.ts';

/**
 * The methods of a model that may be called now. Either several shared ones run, whose work the engine does one after
 * another, or a single one that needs the model to itself. After `dispose` none may be called.
 */
export class ModelState {
  readonly #disposal = new AbortController();
  readonly #free: () => void;
  #working = 0;
  #isReserved = false;

  /** @param free frees the model's memory; called when no method is running any more */
  constructor(free: () => void) {
    this.#free = free;
  }

  /**
   * Makes sure that the model is not disposed of.
   *
   * @throws TorchTlError `DISPOSED`
   */
  requireOpen(method: string): void {
    if (!this.#disposal.signal.aborted) return;
    throw new TorchTlError('DISPOSED', `DenseNet121.${method}() was called after dispose().`);
  }

  /**
   * Makes sure that no method has the model to itself.
   *
   * @throws TorchTlError `DISPOSED` or `MODEL_BUSY`
   */
  requireIdle(method: string): void {
    this.requireOpen(method);
    if (this.#isReserved)
      throw busy(method, 'while fit(), findLearningRate() or calibrate() runs; await its result first');
  }

  /**
   * Makes sure that no asynchronous method is running.
   *
   * @throws TorchTlError `DISPOSED` or `MODEL_BUSY`
   */
  requireUnused(method: string): void {
    this.requireIdle(method);
    if (this.#working > 0) throw busy(method, 'while other methods run; await them first');
  }

  /** Runs work that the given signal or `dispose` stops. */
  stoppable<Result>(
    given: AbortSignal | undefined,
    work: (stopped: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    return withFirstOf([this.#disposal.signal, given], work);
  }

  /**
   * Runs the work of a method that shares the model.
   *
   * @throws what `requireIdle` and the work throw
   */
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

  /** Runs a job of the engine, which `dispose` stops. */
  settle<Result>(start: () => Job<Result>): Promise<Result> {
    return this.stoppable(undefined, (stopped) => settle(start, stopped));
  }

  /** Runs work that needs the model to itself, as `stoppable` does. The caller has called `requireUnused` before. */
  async alone<Result>(
    given: AbortSignal | undefined,
    work: (stopped: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    this.#isReserved = true;
    try {
      return await this.stoppable(given, work);
    } finally {
      this.#isReserved = false;
      this.#freeWhenDone();
    }
  }

  /** Stops all running methods and frees the memory once they have ended. */
  dispose(): void {
    if (this.#disposal.signal.aborted) return;
    this.#disposal.abort(new TorchTlError('DISPOSED', 'The model was disposed while it was working.'));
    this.#freeWhenDone();
  }

  #freeWhenDone(): void {
    if (this.#disposal.signal.aborted && !this.#isReserved && this.#working === 0) this.#free();
  }
}

function busy(method: string, when: string): TorchTlError {
  return new TorchTlError('MODEL_BUSY', `DenseNet121.${method}() was called ${when}.`);
}
