/*
 * Signals that live as long as a service, and calls that listen to them for their own length.
 */

/** Who hears of each signal's abort. */
const hearers = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back once on an abort, at once where that has been; gives what ends it. However many hear of a signal, it has one
 * listener: Node.js warns of the eleventh.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => {};
  }
  const heard = hearers.get(signal) ?? new Set();
  hearers.set(signal, heard.add(callback));
  signal.addEventListener('abort', tellAll, { once: true });
  return () => {
    heard.delete(callback);
    if (heard.size === 0) signal.removeEventListener('abort', tellAll);
  };
}

function tellAll({ target }: Event): void {
  for (const callback of hearers.get(target as AbortSignal) ?? []) callback();
}

/**
 * Does work that whichever of these signals aborts first stops, with its reason. When the work has ended nothing is left
 * with them, as a signal of AbortSignal.any would be for as long as they live (https://github.com/nodejs/node/issues/55351).
 */
export async function withFirstOf<Result>(
  signals: ReadonlyArray<AbortSignal | undefined>,
  work: (stopped: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const first = new AbortController();
  const ends = signals.map((signal) => signal && onAbort(signal, () => first.abort(signal.reason)));
  try {
    return await work(first.signal);
  } finally {
    for (const end of ends) end?.();
  }
}

/** What a promise comes to, or an abort's reason as soon as there is one: what was promised then goes on alone. */
export async function unlessAborted<Result>(
  promise: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (!signal) return promise;
  let end = () => {};
  const aborted = new Promise<never>((_, reject) => {
    end = onAbort(signal, () => reject(signal.reason));
  });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    end();
  }
}

/**
 * Work that several wait for, each with a signal of its own: an abort ends the waiting of one, and the work where nobody
 * else waits.
 */
export class SharedWork<Result> {
  readonly #stop = new AbortController();
  readonly #result: Promise<Result>;
  #state: 'going on' | 'done' | 'lost' = 'going on';
  #waiting = 0;

  constructor(start: (stopped: AbortSignal) => Promise<Result>) {
    this.#result = start(this.#stop.signal);
    this.#result.then(
      () => this.#end('done'),
      () => this.#end('lost'),
    );
  }

  /** Whether it failed or was stopped: who wants the result begins anew. */
  get lost(): boolean {
    return this.#state === 'lost';
  }

  /** @throws the signal's reason; what the work throws */
  async result(signal?: AbortSignal): Promise<Result> {
    this.#waiting += 1;
    try {
      return await unlessAborted(this.#result, signal);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0 && this.#state === 'going on') {
        this.#state = 'lost';
        this.#stop.abort(signal?.reason);
      }
    }
  }

  #end(state: 'done' | 'lost'): void {
    if (this.#state === 'going on') this.#state = state;
  }
}
