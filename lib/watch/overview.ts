import { join } from 'node:path';
import { comparedCurves } from '../report/comparison-curves.ts';
import { type Content, type Html, html } from '../report/html.ts';
import { named } from '../report/named-run.ts';
import { dataTable } from '../report/table.ts';
import { shareText } from '../support/interval.ts';
import { isFold } from './find-runs.ts';
import type { Section } from './section.ts';
import { stateName } from './state-text.ts';
import { readWatched, type WatchedRun } from './watched-run.ts';

/** Maximum number of runs whose curves are drawn together. */
const MOST_CURVES = 6;

/**
 * The sections of the page of a directory of runs: a table with a link to each, and their curves.
 *
 * @param paths of the runs, relative to the directory
 */
export async function overview(root: string, paths: readonly string[]): Promise<Section[]> {
  const shown = paths.filter((path) => !isFold(path));
  const runs = await Promise.all(shown.map((path) => readOrReason(root, path)));
  const whole = runs.flatMap(({ watched }) => (watched ? [watched] : []));
  const latest = [...whole].sort((a, b) => b.run.started.localeCompare(a.run.started));
  const drawn = latest.slice(0, MOST_CURVES);
  return [
    {
      id: 'state',
      content: html`<header><h1>Runs in ${root}</h1></header>${runs.length === 0 ? html`<p class="state" data-state="running" data-said="">There is no run yet. This page shows the first one when it begins.</p>` : table(runs)}`,
    },
    ...(drawn.length < 2
      ? []
      : [
          {
            id: 'curves-section',
            content: html`${drawn.length < whole.length ? html`<p class="note">The curves are those of the ${MOST_CURVES} latest runs.</p>` : null}${comparedCurves(named(drawn.map(({ run }) => run)))}`,
          },
        ]),
  ];
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
    'A run in each row, with the figures of its best epoch so far. In parentheses: the 95 % confidence interval in %.',
  heading: ['run', 'state', 'experiment', 'data', 'epochs', 'validation accuracy', 'started'],
  rows: runs.map(row),
  text: true,
})}`;
}

function row({ path, watched, reason }: Listed): Content[] {
  const link = linkTo(path, path);
  if (watched === null) return [link, `cannot be read: ${reason}`, '', '', '', '', ''];
  const { run } = watched;
  const accuracy = run.best?.validAccuracy ?? null;
  return [
    link,
    stateName(watched),
    run.experiment,
    run.dataset.name,
    String(run.epochs.length),
    accuracy === null ? '-' : shareText(accuracy, run.dataset.valid),
    run.started.slice(0, 16).replace('T', ' '),
  ];
}
