import { join } from 'node:path';
import { html } from '../report/html.ts';
import { contents } from '../report/page.ts';
import { runHeading, runSections } from '../report/run-report.ts';
import type { Source } from './feed.ts';
import { findRuns, isFold } from './find-runs.ts';
import { linkTo } from './overview.ts';
import type { Section } from './section.ts';
import { stateOf } from './state-text.ts';
import { readStatusAgain, readWatched, signatureOf, type WatchedRun } from './watched-run.ts';

/** The page that follows a run: how it stands, and then the sections of its report. */
export class RunPage implements Source {
  /** Of the run, relative to the watched directory. */
  readonly #path: string;
  readonly #directory: string;
  /** As it was last read whole; null if it could not be. */
  #watched: WatchedRun | null = null;

  /**
   * @param root the watched directory
   * @param path of the run, relative to it
   */
  constructor(root: string, path: string) {
    this.#path = path;
    this.#directory = join(root, path);
  }

  signature(): Promise<string> {
    return signatureOf(this.#directory);
  }

  /** @throws what `readRun` throws */
  async sections(): Promise<Section[]> {
    this.#watched = null;
    const watched = await readWatched(this.#directory);
    this.#watched = watched;
    const sections = runSections(watched.run);
    return [
      this.#state(watched),
      {
        id: 'sections',
        content: html`${contents(sections.map(({ id, name }) => [id, name] as const))}
${await this.#folds()}`,
      },
      ...sections.map(({ id, content }) => ({ id: `${id}-section`, content })),
    ];
  }

  async state(): Promise<Section | null> {
    const watched = this.#watched && (await readStatusAgain(this.#directory, this.#watched));
    return watched && this.#state(watched);
  }

  #state(watched: WatchedRun): Section {
    return {
      id: 'state',
      content: html`<header>${this.#path === '' ? null : html`<nav aria-label="All runs"><a href="?">All runs</a></nav>`}
${runHeading(watched.run, stateOf(watched))}</header>`,
    };
  }

  async #folds() {
    const folds = (await findRuns(this.#directory)).filter((name) => name !== '' && isFold(name));
    if (folds.length === 0) return null;
    const links = folds.map((name) => {
      const path = this.#path === '' ? name : `${this.#path}/${name}`;
      return html`<li>${linkTo(path, `fold ${name.split('/').at(-1) ?? ''}`)}</li>`;
    });
    return html`<nav aria-label="Folds"><ul>${links}</ul></nav>`;
  }
}
