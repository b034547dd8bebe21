import { html } from '../report/html.ts';
import type { Section } from './section.ts';

/** Time between two looks at the files. */
const INTERVAL_MS = 500;

/**
 * Least time between two changes of the sections that are not the run's state. To draw curves takes a browser longer than
 * a short epoch may last, on the processor that trains.
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
}

/** The sections of a page, kept up to date while somebody looks at it. */
export class Feed {
  readonly #source: Source;
  readonly #listeners = new Set<(update: Update) => void>();
  #sections: readonly Section[] = [];
  #signature = '';
  /** Whether sections have changed that nobody was told of yet. */
  #isBehind = false;
  /** When the sections that are not the run's state last changed. */
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
    const sections = await this.#read();
    const before = new Map(this.#sections.map((section) => [section.id, section]));
    const isReordered = sections.map(({ id }) => id).join() !== [...before.keys()].join();
    const changed = sections.filter(({ id, content }) => before.get(id)?.content.text !== content.text);
    const told = redraws || isReordered ? changed : changed.filter(({ id }) => id === 'state');
    this.#isBehind = told.length < changed.length;
    this.#signature = signature;
    if (told.some(({ id }) => id !== 'state')) this.#redrawn = performance.now();
    this.#sections = sections.map((section) =>
      told.includes(section) ? section : (before.get(section.id) ?? section),
    );
    if (told.length === 0 && !isReordered) return;
    const update = { order: isReordered ? sections.map(({ id }) => id) : null, sections: told };
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
