import { isDeepStrictEqual } from 'node:util';
import { experiments } from '../experiments/paper.ts';
import { seedsSummaries } from '../experiments/run-seeds.ts';
import { duration, percent } from '../support/format.ts';
import { lossSpreadText, meanIntervalText, shareSpreadText } from '../support/spread-text.ts';
import { summaryOf } from '../support/statistics.ts';
import { type Content, html } from './html.ts';
import type { NamedRun } from './named-run.ts';
import { dataTable } from './table.ts';

/** Runs that differ in their seed alone; a single run is a group of its own. */
export interface SeedGroup {
  name: string;
  runs: readonly NamedRun[];
}

/** Groups the runs that differ in their seed alone, in the order of their first runs. */
export function seedGroups(runs: readonly NamedRun[]): SeedGroup[] {
  const groups: NamedRun[][] = [];
  for (const run of runs) {
    const same = groups.find(([first]) => first && differInSeedAlone(first, run));
    if (same) same.push(run);
    else groups.push([run]);
  }
  const shared = (of: readonly NamedRun[]) => of[0]?.run.experiment ?? '';
  const isUnique = new Set(groups.map(shared)).size === groups.length;
  return groups.map((of) => ({
    name: of.length > 1 && isUnique ? shared(of) : of.map(({ name }) => name).join(', '),
    runs: of,
  }));
}

function differInSeedAlone({ run: a }: NamedRun, { run: b }: NamedRun): boolean {
  const { seed: _, ...optionsOfA } = a.options;
  const { seed: __, ...optionsOfB } = b.options;
  return a.experiment === b.experiment && isDeepStrictEqual(optionsOfA, optionsOfB) && a.seed !== b.seed;
}

/** The first sentence of a report of runs that all differ in their seed alone. */
export function repeatedLede([group]: readonly SeedGroup[]): Content {
  const runs = group?.runs ?? [];
  const [summary] = seedsSummaries(runs.map(({ run }) => run));
  if (!summary?.accuracy) return html`${runs.length} runs that differ in their seed alone.`;
  const { mean, standardDeviation } = summary.accuracy;
  return html`${runs.length} runs that differ in their seed alone: validation accuracy <b>${percent(mean)}</b> on average, with a
standard deviation of ${percent(standardDeviation)}.`;
}

/** Mean and spread over the seeds; nothing if no two runs differ in their seed alone. */
export function spreadSection(groups: readonly SeedGroup[]): Content {
  const repeated = groups.filter(({ runs }) => runs.length > 1);
  if (repeated.length === 0) return null;
  const hasPaper = repeated.some(({ runs }) => runs.some(({ run }) => run.experiment !== 'train'));
  return html`<section id="spread"><h2>Spread over seeds</h2>
${dataTable({
  caption: 'Results of runs that differ in their seed alone: mean ± standard deviation',
  heading: [
    'runs',
    'number',
    'validation accuracy',
    '95 % interval of the mean',
    'validation loss',
    'time',
    ...(hasPaper ? ['the paper'] : []),
  ],
  rows: repeated.map((group) => [...figuresOf(group), ...(hasPaper ? [paperOf(group)] : [])]),
  isStacked: true,
})}
<p class="note">The interval is that of Student’s t. It says how far the mean of many more seeds may lie; the next single run may lie
further away.</p>
</section>`;
}

function paperOf({ runs }: SeedGroup): string {
  const experiment = runs[0]?.run.experiment ?? 'train';
  return experiment === 'train' ? '-' : percent(experiments[experiment].paper.validAccuracy);
}

function figuresOf({ name, runs }: SeedGroup): Content[] {
  const [summary] = seedsSummaries(runs.map(({ run }) => run));
  const { accuracy = null, loss = null } = summary ?? {};
  return [
    html`<b>${name}</b>`,
    String(runs.length),
    shareSpreadText(accuracy),
    meanIntervalText(accuracy),
    lossSpreadText(loss),
    duration(summaryOf(runs.map(({ measures }) => measures.seconds)).mean),
  ];
}
