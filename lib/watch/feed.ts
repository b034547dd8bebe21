import { html } from '../report/html.ts';
import type { Section } from './section.ts';

/** Time between two looks at the files. */
const INTERVAL_MS = 500;

/**
 * Least time between two changes of the sections that are not the run's state. To read a run and to draw its curves takes
 * longer than a short epoch may last, on the processor that trains.
 */
const REDRAW_MS = 3000;

/** What a page is told: the ids of its sections in order if they have changed, and the sections that have. */
export interface Update {
  order: readonly string[] | null;
  sections: readonly Section[];
}

/** What a feed reads. */
export interface Source {
  /** A text that changes whenever the sections may have changed. It must be cheap. */
  signature(): Promise<string>;
  sections(): Promise<Section[]>;
  /**
   * The section of the run's state alone, where that takes less than to make them all; null where so much has changed
   * that all are to be made.
   */
  state(): Promise<Section | null>;
}

/** The sections of a page, kept up to date while somebody looks at it. */
export class Feed {
  readonly #source: Source;
  readonly #listeners = new Set<(update: Update) => void>();
  #sections: readonly Section[] = [];
  #signature = '';
  /** Whether sections have changed that nobody was told of yet. */
  #isBehind = false;
  /** When all sections were last made. */
  #redrawn = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(source: Source) {
    this.#source = source;
  }

  /** The sections as they are now. */
  async current(): Promise<readonly Section[]> {
    await this.look();
    return this.#sections;
  }

  /** All sections as they are now, as an update. */
  async whole(): Promise<Update> {
    const sections = await this.current();
    return { order: sections.map(({ id }) => id), sections };
  }

  /** Tells a listener of all sections, and then of every change, until the returned function is called. */
  async follow(listener: (update: Update) => void): Promise<() => void> {
    listener(await this.whole());
    this.#listeners.add(listener);
    this.#timer ??= setInterval(() => this.look({ redraws: this.#mayRedraw() }), INTERVAL_MS);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /**
   * Looks whether something has changed, and tells the listeners.
   *
   * @param redraws whether all sections may change, not the run's state alone
   */
  look({ redraws = true } = {}): Promise<void> {
    this.#looking ??= this.#look(redraws).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  #mayRedraw(): boolean {
    return performance.now() - this.#redrawn >= REDRAW_MS;
  }

  async #look(redraws: boolean): Promise<void> {
    const signature = await this.#source.signature();
    if (signature === this.#signature && !(this.#isBehind && redraws)) return;
    this.#signature = signature;
    const state = redraws ? null : await this.#source.state().catch(() => null);
    this.#isBehind = state !== null;
    if (state) {
      this.#change(this.#sections.map((section) => (section.id === state.id ? state : section)));
    } else {
      this.#change(await this.#read());
      this.#redrawn = performance.now();
    }
  }

  /** Tells the listeners what is new. */
  #change(sections: readonly Section[]): void {
    const before = new Map(this.#sections.map(({ id, content }) => [id, content.text]));
    const changed = sections.filter(({ id, content }) => before.get(id) !== content.text);
    const order = sections.map(({ id }) => id);
    const isReordered = order.join() !== [...before.keys()].join();
    this.#sections = sections;
    if (changed.length === 0 && !isReordered) return;
    const update = { order: isReordered ? order : null, sections: changed };
    for (const listener of this.#listeners) listener(update);
  }

  /** What cannot be read is said in place of the run's state, beside what was read before. */
  async #read(): Promise<Section[]> {
    try {
      return await this.#source.sections();
    } catch (error) {
      const content = html`<header><p class="state" data-state="running" data-said=""></p><p class="warning">${(error as Error).message}</p></header>`;
      return [{ id: 'state', content }, ...this.#sections.filter(({ id }) => id !== 'state')];
    }
  }
}
