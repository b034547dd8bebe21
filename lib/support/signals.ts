import { setTimeout } from 'node:timers/promises';

/*
 * Abort signals. A signal may live as long as a service, so every call removes its listeners when it ends.
 */

/** The callbacks for each signal's abort. */
const callbacks = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `callback` once when the signal aborts, immediately if it already has. Returns a function that removes the
 * callback. A signal gets one listener for all callbacks, since Node.js warns about the eleventh listener.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => {};
  }
  const registered = callbacks.get(signal) ?? new Set();
  callbacks.set(signal, registered.add(callback));
  signal.addEventListener('abort', callAll, { once: true });
  return () => {
    registered.delete(callback);
    if (registered.size === 0) signal.removeEventListener('abort', callAll);
  };
}

function callAll({ target }: Event): void {
  for (const callback of callbacks.get(target as AbortSignal) ?? []) callback();
}

/** Waits, unless the signal aborts: then throws its reason. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(milliseconds, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
}

/** Waits until the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => onAbort(signal, resolve));
}

/**
 * Runs `work` with a signal that aborts when the first of `signals` does, with the same reason. Afterwards all
 * listeners are removed; AbortSignal.any would keep one for as long as each signal lives
 * (https://github.com/nodejs/node/issues/55351).
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

/** Settles as `promise` does, or rejects with the signal's reason on an abort. The promised work itself continues. */
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
 * Work that several callers wait for, each with its own signal. An abort ends one caller's wait; the work stops when
 * the last waiting caller aborts.
 */
export class SharedWork<Result> {
  readonly #stop = new AbortController();
  readonly #result: Promise<Result>;
  #state: 'running' | 'done' | 'lost' = 'running';
  #waiting = 0;

  constructor(start: (stopped: AbortSignal) => Promise<Result>) {
    this.#result = start(this.#stop.signal);
    this.#result.then(
      () => this.#end('done'),
      () => this.#end('lost'),
    );
  }

  /** Whether the work failed or was stopped; a caller that wants the result has to start it again. */
  get lost(): boolean {
    return this.#state === 'lost';
  }

  /** @throws the signal's reason after an abort; errors of the work */
  async result(signal?: AbortSignal): Promise<Result> {
    this.#waiting += 1;
    try {
      return await unlessAborted(this.#result, signal);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0 && this.#state === 'running') {
        this.#state = 'lost';
        this.#stop.abort(signal?.reason);
      }
    }
  }

  #end(state: 'done' | 'lost'): void {
    if (this.#state === 'running') this.#state = state;
  }
}
