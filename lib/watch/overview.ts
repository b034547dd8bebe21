import { join } from 'node:path';
import { measuresOf } from '../experiments/beside-paper.ts';
import { comparedCurves } from '../report/comparison-curves.ts';
import { type Content, type Html, html } from '../report/html.ts';
import { named } from '../report/named-run.ts';
import { dataTable } from '../report/table.ts';
import { shareText } from '../support/interval.ts';
import type { Source } from './feed.ts';
import { findRuns, isFold } from './find-runs.ts';
import type { Section } from './section.ts';
import { stateName } from './state-text.ts';
import { readWatched, signatureOf, type WatchedRun } from './watched-run.ts';

/** Maximum number of runs whose curves are drawn together. */
const MOST_CURVES = 6;

/** The page of a directory of runs: a table with a link to each, and the curves of the latest ones. */
export class Overview implements Source {
  readonly #root: string;

  /** @param root the watched directory */
  constructor(root: string) {
    this.#root = root;
  }

  async signature(): Promise<string> {
    const runs = await findRuns(this.#root);
    const signatures = await Promise.all(runs.map((path) => signatureOf(join(this.#root, path))));
    return `${runs.join()} ${signatures.join()}`;
  }

  async sections(): Promise<Section[]> {
    const runs = await this.#runs();
    const curves = curvesOf(runs.flatMap(({ watched }) => watched ?? []));
    return [this.#state(runs), ...(curves ? [{ id: 'curves-section', content: curves }] : [])];
  }

  async state(): Promise<Section> {
    return this.#state(await this.#runs());
  }

  async #runs(): Promise<Listed[]> {
    const shown = (await findRuns(this.#root)).filter((path) => !isFold(path));
    return Promise.all(shown.map((path) => readOrReason(this.#root, path)));
  }

  #state(runs: readonly Listed[]): Section {
    return {
      id: 'state',
      content: html`<header><h1>Runs in ${this.#root}</h1></header>${runs.length === 0 ? html`<p class="state" data-state="running" data-said="">There is no run yet. This page shows the first one when it begins.</p>` : table(runs)}`,
    };
  }
}

/** Null for a single run, whose own page draws them. */
function curvesOf(runs: readonly WatchedRun[]): Html | null {
  const latest = [...runs].sort((a, b) => b.run.started.localeCompare(a.run.started));
  const drawn = latest.slice(0, MOST_CURVES);
  if (drawn.length < 2) return null;
  return html`${drawn.length < runs.length ? html`<p class="note">The curves are those of the ${MOST_CURVES} latest runs.</p>` : null}${comparedCurves(named(drawn.map(({ run }) => run)))}`;
}

/** A link to the page of a run. */
export function linkTo(path: string, text: string): Html {
  return html`<a href="?run=${encodeURIComponent(path)}">${text}</a>`;
}

interface Listed {
  path: string;
  watched: WatchedRun | null;
  /** Why the run cannot be read. */
  reason: string;
}

async function readOrReason(root: string, path: string): Promise<Listed> {
  try {
    return { path, watched: await readWatched(join(root, path)), reason: '' };
  } catch (error) {
    return { path, watched: null, reason: (error as Error).message };
  }
}

function table(runs: readonly Listed[]): Html {
  const isRunning = runs.some(({ watched }) => watched?.isOpen);
  return html`<p class="state" data-state="${isRunning ? 'running' : 'over'}" data-said=""></p>
${dataTable({
  caption:
    'A run in each row, with the accuracy of its best epoch so far, or of all its folds. In parentheses: the 95 % confidence interval in %.',
  heading: ['run', 'state', 'experiment', 'data', 'epochs', 'validation accuracy', 'started'],
  rows: runs.map(row),
  text: true,
})}`;
}

function row({ path, watched, reason }: Listed): Content[] {
  const link = linkTo(path, path);
  if (watched === null) return [link, `cannot be read: ${reason}`, '', '', '', '', ''];
  const { run } = watched;
  const { accuracy, images } = measuresOf(run);
  return [
    link,
    stateName(watched),
    run.experiment,
    run.dataset.name,
    String(run.epochs.length),
    accuracy === null ? '-' : shareText(accuracy, images),
    run.started.slice(0, 16).replace('T', ' '),
  ];
}
