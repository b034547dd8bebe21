import type { FastifyInstance, FastifyReply } from 'fastify';
import { holdsRun } from '../experiments/run-directory.ts';
import type { RunTracker } from '../experiments/run-status.ts';
import { html } from '../report/html.ts';
import { pause } from '../support/signals.ts';
import { livePage, serveAssets } from '../web/pages.ts';
import { RequestError } from '../web/request-error.ts';
import { type ListenOptions, listen, webServer } from '../web/web-server.ts';
import { Feed, type Source, type Update } from './feed.ts';
import { findRuns } from './find-runs.ts';
import { Overview } from './overview.ts';
import { RunPage } from './run-page.ts';
import type { Section } from './section.ts';
import { activityOf } from './state-text.ts';

/** Interval of the comments that keep a connection open. */
const KEEP_ALIVE_MS = 15_000;

/** Time that a page gets to read how the run ended, when the server closes. */
const LAST_WORDS_MS = 1000;

/** What is watched. */
export interface Watched {
  /** A run's directory, or one of runs; null while it is not known yet. */
  directory: string | null;
  /** What a training of this process does before it has a directory. */
  tracker?: RunTracker;
}

/**
 * A server of pages that follow runs. It reads their directories, and changes nothing there.
 */
export class WatchServer {
  readonly #watched: Watched;
  readonly #app: FastifyInstance;
  readonly #feeds = new Map<string, Feed>();
  /** Of the watched directory. */
  readonly #runPages = new Map<string, RunPage>();
  readonly #ends = new Set<() => Promise<void>>();

  private constructor(watched: Watched, app: FastifyInstance) {
    this.#watched = watched;
    this.#app = app;
  }

  /** @param watched may be given its directory later */
  static async create(watched: Watched): Promise<WatchServer> {
    const app = await webServer();
    const server = new WatchServer(watched, app);
    await serveAssets(app, ['watch']);
    app.get<Query>('/', async ({ query }, reply) => {
      const sections = await (await server.#feedOf(query.run)).current();
      const page = livePage({ title: titleOf(query.run), body: bodyOf(sections), script: 'watch' });
      return reply.type('text/html; charset=utf-8').send(page.text);
    });
    app.get<Query>('/events', async ({ query }, reply) => {
      const feed = await server.#feedOf(query.run);
      reply.hijack();
      await server.#stream(feed, reply);
    });
    return server;
  }

  /**
   * @returns the URL
   * @throws InputError `LISTEN_FAILED`
   */
  listen(options: ListenOptions): Promise<string> {
    return listen(this.#app, options);
  }

  /** Tells the open pages how it ended, and closes. */
  async close(): Promise<void> {
    await Promise.all([...this.#feeds.values()].map((feed) => feed.look()));
    const ended = Promise.all([...this.#ends].map((end) => end()));
    await Promise.race([ended, pause(LAST_WORDS_MS, undefined)]);
    const closed = this.#app.close();
    this.#app.server.closeAllConnections();
    await closed;
  }

  /** Only runs that lie in the directory have pages, whatever a request asks for. */
  async #feedOf(run: string | undefined): Promise<Feed> {
    const name = run ?? '';
    const known = this.#feeds.get(name);
    if (known) return known;
    const { directory } = this.#watched;
    if (name !== '' && !(directory && (await findRuns(directory)).includes(name))) {
      throw new RequestError(404, 'NOT_FOUND', `There is no run ${name} here.`);
    }
    const feed = new Feed({
      signature: async () => (await this.#page(name)).signature(),
      sections: async () => (await this.#page(name)).sections(),
      state: async () => (await this.#page(name)).state(),
    });
    this.#feeds.set(name, feed);
    return feed;
  }

  /** What a page shows now: it begins before its run does, and the first run may be joined by others. */
  async #page(name: string): Promise<Source> {
    const { directory, tracker } = this.#watched;
    if (directory === null) return beginning(tracker);
    const isRun = name !== '' || (await holdsRun(directory));
    return isRun ? this.#runPage(directory, name) : new Overview(directory);
  }

  #runPage(directory: string, name: string): RunPage {
    const page = this.#runPages.get(name) ?? new RunPage(directory, name);
    this.#runPages.set(name, page);
    return page;
  }

  async #stream(feed: Feed, { raw }: FastifyReply): Promise<void> {
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    raw.write('retry: 1000\n\n');
    let isBehind = false;
    const tell = (update: Update) => {
      // A page that does not read gets the latest state once it does, and nothing in between.
      if (raw.writableNeedDrain) isBehind = true;
      else raw.write(messagesOf(update));
    };
    raw.on('drain', async () => {
      if (!isBehind) return;
      isBehind = false;
      tell(await feed.whole());
    });
    const unfollow = await feed.follow(tell);
    const alive = setInterval(() => raw.write(': \n\n'), KEEP_ALIVE_MS);
    const stop = () => {
      clearInterval(alive);
      unfollow();
      this.#ends.delete(end);
    };
    const end = () => new Promise<void>((resolve) => raw.end(resolve));
    this.#ends.add(end);
    raw.on('close', stop);
    // The page may have gone before it was told anything.
    if (raw.destroyed) stop();
  }
}

interface Query {
  Querystring: { run?: string };
}

/** The page of a training that has no directory yet. */
function beginning(tracker: RunTracker | undefined): Source {
  const content = html`<header><h1>The run begins</h1>
<p class="state" data-state="running" data-said=""></p>${tracker ? activityOf(tracker.status) : null}</header>`;
  return {
    signature: async () => `before ${content.text}`,
    sections: async () => [{ id: 'state', content }],
    state: async () => null,
  };
}

function titleOf(run: string | undefined): string {
  return run === undefined ? 'torch-tl watch' : `${run}: torch-tl watch`;
}

function bodyOf(sections: readonly Section[]) {
  return html`<p id="connection" class="warning" hidden></p>
<p id="said" class="visually-hidden" role="status"></p>
<main>${sections.map(({ id, content }) => html`<div data-section="${id}">${content}</div>`)}</main>
<footer>This page follows the run while it is open.</footer>`;
}

function messagesOf({ order, sections }: Update): string {
  const messages = sections.map(({ id, content }) => message('section', { id, html: content.text }));
  return [...(order ? [message('order', order)] : []), ...messages].join('');
}

function message(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
