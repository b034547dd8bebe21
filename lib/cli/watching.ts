import type { z } from 'zod';
import { InputError } from '../errors.ts';
import type { RunEvent } from '../experiments/run-events.ts';
import { RunTracker } from '../experiments/run-status.ts';
import { WATCH_PORT, type watchOptions } from '../options/index.ts';
import { type Watched, WatchServer } from '../watch/watch-server.ts';

/*
 * Servers that follow runs, alone or beside a training.
 */

/**
 * Starts a server that follows runs. Without a port it takes the usual one, or a free one if that is taken.
 *
 * @throws InputError `LISTEN_FAILED`
 */
export async function startWatching(
  watched: Watched,
  { host, port }: z.output<typeof watchOptions>,
): Promise<{ server: WatchServer; url: string }> {
  const server = await WatchServer.create(watched);
  try {
    return { server, url: await server.listen({ host, port: port ?? WATCH_PORT }) };
  } catch (error) {
    await server.close();
    const isTaken = error instanceof InputError && error.code === 'LISTEN_FAILED' && port === undefined;
    if (!isTaken) throw error;
    return startWatching(watched, { host, port: 0 });
  }
}

/** A server that follows the training of this process. */
export class Watching {
  readonly #watched: Watched & { tracker: RunTracker };
  readonly #server: WatchServer;
  readonly url: string;

  private constructor(
    watched: Watched & { tracker: RunTracker },
    { server, url }: { server: WatchServer; url: string },
  ) {
    this.#watched = watched;
    this.#server = server;
    this.url = url;
  }

  /**
   * Starts the server.
   *
   * @throws InputError `LISTEN_FAILED`
   */
  static async start(port: number | undefined): Promise<Watching> {
    const watched = { directory: null, tracker: new RunTracker() };
    return new Watching(watched, await startWatching(watched, { host: '127.0.0.1', port }));
  }

  hear(event: RunEvent): void {
    this.#watched.tracker.hear(event);
    if (event.type === 'setup' || event.type === 'finished') this.#watched.directory ??= event.directory;
  }

  /** Follows all runs in a directory. */
  followAll(root: string): void {
    this.#watched.directory = root;
  }

  /** Shows the end of the run in the pages that are open, and closes. */
  close(): Promise<void> {
    return this.#server.close();
  }
}
