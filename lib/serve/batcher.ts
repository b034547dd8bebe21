import { onAbort } from '../support/signals.ts';

/** Number of batches in progress: while the engine computes one, the images of the next are decoded. */
const AT_ONCE = 2;

/** Weight of the newest batch in the mean time per item. */
const NEWEST = 0.2;

export interface BatchLimits {
  /** Maximum number of items of a batch. */
  maxBatchSize: number;
  /** Maximum time in milliseconds that an item waits for others while there is room for a batch. */
  maxBatchDelay: number;
}

/** A batch that has ended. */
export interface EndedBatch {
  size: number;
  /** Time in seconds that each of its items waited before it began. */
  waits: number[];
  /** Time in seconds from its beginning to its end. */
  seconds: number;
}

interface Waiting<Item, Result> {
  item: Item;
  since: number;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Collects items of concurrent requests into batches. A batch takes what waits, in the order of arrival, as soon as
 * fewer than two are in progress and either it is full or its first item has waited for the delay. An item that has the
 * batcher for itself, as the one before it had, does not wait.
 */
export class Batcher<Item, Result> {
  readonly #run: (items: Item[]) => Promise<Array<Result | Error>>;
  readonly #limits: BatchLimits;
  readonly #onBatch: (batch: EndedBatch) => void;
  #queue: Array<Waiting<Item, Result>> = [];
  #running = 0;
  #timer: NodeJS.Timeout | undefined;
  #secondsPerItem = 0;
  #lastSize = 0;

  /** @param run gives a result or an error for each item; if it throws, all items of the batch fail with that error */
  constructor(
    run: (items: Item[]) => Promise<Array<Result | Error>>,
    limits: BatchLimits,
    onBatch: (batch: EndedBatch) => void,
  ) {
    this.#run = run;
    this.#limits = limits;
    this.#onBatch = onBatch;
  }

  /** Number of items that wait for a batch. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Time in seconds in which all waiting items will probably be done, by the speed of the last batches. */
  get backlog(): number {
    return (this.waiting + this.#running * this.#limits.maxBatchSize) * this.#secondsPerItem;
  }

  /**
   * Adds an item to the queue and waits for its result. An abort takes it from the queue; in a batch it stays.
   *
   * @throws the item's error, that of its batch, or the signal's reason
   */
  async add(item: Item, signal: AbortSignal): Promise<Result> {
    signal.throwIfAborted();
    let end = () => {};
    const result = new Promise<Result>((resolve, reject) => {
      const waiting = { item, since: performance.now(), resolve, reject };
      this.#queue.push(waiting);
      end = onAbort(signal, () => {
        this.#queue = this.#queue.filter((other) => other !== waiting);
        reject(signal.reason);
      });
    });
    this.#begin();
    try {
      return await result;
    } finally {
      end();
    }
  }

  #begin(): void {
    while (this.#running < AT_ONCE) {
      const [first] = this.#queue;
      if (!first) return;
      const { maxBatchSize } = this.#limits;
      const rest = first.since + this.#delay - performance.now();
      if (this.#queue.length < maxBatchSize && rest > 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined;
          this.#begin();
        }, rest);
        return;
      }
      void this.#runBatch(this.#queue.splice(0, maxBatchSize));
    }
  }

  /** An item that came alone after another one does not wait: one client at a time has no others to wait for. */
  get #delay(): number {
    const isAlone = this.#running === 0 && this.#queue.length === 1 && this.#lastSize === 1;
    return isAlone ? 0 : this.#limits.maxBatchDelay;
  }

  async #runBatch(batch: Array<Waiting<Item, Result>>): Promise<void> {
    const start = performance.now();
    this.#running += 1;
    try {
      const results = await this.#run(batch.map(({ item }) => item));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const result = results[index] as Result | Error;
        if (result instanceof Error) reject(result);
        else resolve(result);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.#running -= 1;
      this.#ended(batch, start);
      this.#begin();
    }
  }

  #ended(batch: Array<Waiting<Item, Result>>, start: number): void {
    const seconds = (performance.now() - start) / 1000;
    const perItem = seconds / batch.length;
    this.#lastSize = batch.length;
    this.#secondsPerItem += (this.#secondsPerItem === 0 ? 1 : NEWEST) * (perItem - this.#secondsPerItem);
    this.#onBatch({ size: batch.length, waits: batch.map(({ since }) => (start - since) / 1000), seconds });
  }
}
