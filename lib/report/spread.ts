import { isDeepStrictEqual } from 'node:util';
import { experiments } from '../experiments/paper.ts';
import { seedsSummaries } from '../experiments/run-seeds.ts';
import { duration, percent } from '../support/format.ts';
import { lossSpreadText, meanIntervalText, shareSpreadText } from '../support/spread-text.ts';
import { summaryOf } from '../support/statistics.ts';
import { endingOf } from './ending.ts';
import { type Content, html } from './html.ts';
import type { NamedRun } from './named-run.ts';
import type { ReportedRun } from './read-run.ts';
import { dataTable } from './table.ts';

/** Runs of different seeds that differ in nothing else; a single run is a group of its own. */
export interface SeedGroup {
  name: string;
  runs: readonly NamedRun[];
}

/** Groups the runs that differ in their seed alone, in the order of their first runs. */
export function seedGroups(runs: readonly NamedRun[]): SeedGroup[] {
  const groups: NamedRun[][] = [];
  for (const run of runs) {
    // With each of the group: a copy of a run is no further seed.
    const same = groups.find((group) => group.every((other) => differInSeedAlone(other, run)));
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
  return (
    a.seed !== b.seed &&
    a.experiment === b.experiment &&
    a.weights.sha256 === b.weights.sha256 &&
    isDeepStrictEqual(optionsOfA, optionsOfB) &&
    haveSameImages(a, b)
  );
}

/**
 * Whether runs with the same options have the same images, as far as the runs tell. Where the seed draws the images for
 * validation, which the text about them then says, the lists of images differ, and the numbers of all images must do.
 */
function haveSameImages(a: ReportedRun, b: ReportedRun): boolean {
  const isDrawn = a.dataset.validation !== b.dataset.validation;
  const isSameList = a.dataset.manifest?.sha256 === b.dataset.manifest?.sha256;
  return (isDrawn || isSameList) && isDeepStrictEqual(imagesOf(a), imagesOf(b));
}

/** What no seed changes of the images: their classes, and how many each has, unless a limit leaves some of a split. */
function imagesOf({ dataset: { train, valid, classCounts }, classes, options }: ReportedRun) {
  const isLimited = options.limitTrain !== undefined || options.limitValid !== undefined;
  if (isLimited) return { classes };
  return { classes, total: train + valid, perClass: classCounts.map((one) => one.train + one.valid) };
}

/** The runs of a group whose trainings are complete, with the summary of their figures; null if there is none. */
function completeOf({ runs }: SeedGroup) {
  const complete = runs.filter(({ run }) => endingOf(run).isComplete);
  return { complete, summary: seedsSummaries(complete.map(({ run }) => run))[0] ?? null };
}

/** The first sentence of a report of runs that all differ in their seed alone. */
export function repeatedLede(group: SeedGroup): Content {
  const { complete, summary } = completeOf(group);
  const which =
    complete.length < group.runs.length ? `, of which ${complete.length || 'none'} trained to the end` : '';
  const runs = `${group.runs.length} runs that differ in their seed alone${which}`;
  if (!summary?.accuracy) return `${runs}.`;
  const { mean, standardDeviation } = summary.accuracy;
  if (complete.length === 1) return html`${runs}: its validation accuracy is <b>${percent(mean)}</b>.`;
  return html`${runs}: validation accuracy <b>${percent(mean)}</b> on average, with a
standard deviation of ${percent(standardDeviation)}.`;
}

/** Mean and spread over the seeds; nothing if no two runs differ in their seed alone. */
export function spreadSection(groups: readonly SeedGroup[]): Content {
  const repeated = groups.filter(({ runs }) => runs.length > 1);
  if (repeated.length === 0) return null;
  const isAnyLeftOut = repeated.some((group) => completeOf(group).complete.length < group.runs.length);
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
<p class="note">${isAnyLeftOut ? 'Runs that have not trained to the end are left out. ' : null}The interval is that of Student’s t. It says how far the mean of many more seeds may lie; the next single run may lie
further away.</p>
</section>`;
}

function paperOf({ runs }: SeedGroup): string {
  const experiment = runs[0]?.run.experiment ?? 'train';
  return experiment === 'train' ? '-' : percent(experiments[experiment].paper.validAccuracy);
}

function figuresOf(group: SeedGroup): Content[] {
  const { complete, summary } = completeOf(group);
  const { accuracy = null, loss = null } = summary ?? {};
  const [number, all] = [complete.length, group.runs.length];
  return [
    html`<b>${group.name}</b>`,
    number < all ? `${number} of ${all}` : String(all),
    shareSpreadText(accuracy),
    meanIntervalText(accuracy),
    lossSpreadText(loss),
    number === 0 ? '-' : duration(summaryOf(complete.map(({ measures }) => measures.seconds)).mean),
  ];
}
