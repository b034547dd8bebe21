import { basename } from 'node:path';
import {
  MEASURES,
  type Measures,
  measuresOf,
  measureText,
  paperMeasures,
} from '../experiments/beside-paper.ts';
import { type ExperimentName, experiments } from '../experiments/paper.ts';
import { percent } from '../format.ts';
import type { EpochMetrics } from '../native.ts';
import { type Axis, chart } from './chart.ts';
import { commandOf } from './command.ts';
import { ACCURACY, EPOCH, LOSS, pointsOf, shortNumber } from './curves.ts';
import { endingOf } from './ending.ts';
import { type Content, type Html, html } from './html.ts';
import { contents, page } from './page.ts';
import type { ReportedRun } from './read-run.ts';
import { ratio } from './results-section.ts';
import { command, factsOf } from './setup-section.ts';
import { dataTable, facts } from './table.ts';

/** A run under the name that it has among the others. */
interface NamedRun {
  name: string;
  run: ReportedRun;
  measures: Measures;
}

/** The report of several runs, side by side and beside the paper. */
export function comparisonReport(reported: readonly ReportedRun[]): Html {
  const runs = named(reported);
  return page({
    title: `${runs.length} runs compared: ${runs.map(({ name }) => name).join(', ')}`,
    body: html`<header>
<h1>${runs.length} runs compared</h1>
<p class="lede">${lede(runs)}</p>
${unfinished(runs)}
${contents([
  ['results', 'Results'],
  ['curves', 'Curves'],
  ['setup', 'What was run'],
  ['repeat', 'Run them again'],
])}
</header>
<main>
<section id="results"><h2>Results</h2>
${resultsTable(runs)}
${ratios(runs)}
</section>
${curves(runs)}
${setup(runs)}
${repeatThem(runs)}
</main>`,
  });
}

/** By experiment, by directory where there are several of one, by the whole path where those are the same too. */
function named(runs: readonly ReportedRun[]): NamedRun[] {
  const candidates = [
    (run: ReportedRun) => run.experiment,
    (run: ReportedRun) => basename(run.path),
    (run: ReportedRun) => run.path,
  ];
  const naming = candidates.find((name) => new Set(runs.map(name)).size === runs.length) ?? String;
  return runs.map((run) => ({ name: naming(run), run, measures: measuresOf(run) }));
}

function lede(runs: readonly NamedRun[]): Content {
  const accurate = bestBy(runs, ({ measures }) => measures.accuracy);
  const quick = bestBy(runs, ({ measures, run }) => (run.best ? -measures.seconds : null));
  if (!accurate || !quick) return 'No epoch of any of them ended.';
  const [accuracy, loss, time] = MEASURES.map((measure) => measureText(accurate.measures, measure));
  return html`<b>${accurate.name}</b> is the most accurate, ${accuracy ?? ''} of its validation pictures right (loss ${loss ?? ''}), in ${time ?? ''}.
${quick === accurate ? 'It is the quickest too.' : html`<b>${quick.name}</b> is the quickest: ${percent(1 - quick.measures.seconds / accurate.measures.seconds)} less time, for ${percent(quick.measures.accuracy ?? 0)}.`}`;
}

function bestBy(runs: readonly NamedRun[], value: (run: NamedRun) => number | null): NamedRun | undefined {
  return runs
    .filter((run) => value(run) !== null)
    .sort((a, b) => (value(b) as number) - (value(a) as number))[0];
}

function unfinished(runs: readonly NamedRun[]): Content {
  return runs
    .map(({ name, run }) => ({ name, ending: endingOf(run) }))
    .filter(({ ending }) => !ending.isWhole)
    .map(({ name, ending }) => html`<p class="warning"><b>${name}</b>: ${ending.status}. ${ending.text}</p>`);
}

function resultsTable(runs: readonly NamedRun[]): Html {
  const rows = runs.flatMap(({ name, run, measures }) => {
    const here = [
      html`<b>${name}</b>`,
      ...texts(measures),
      run.best ? `${run.best.epoch} of ${run.epochs.length}` : '-',
      endingOf(run).status,
    ];
    const there = run.experiment === 'train' ? null : paperMeasures(experiments[run.experiment].paper);
    return there ? [here, ['the paper', ...texts(there), '', '']] : [here];
  });
  return dataTable({
    caption: 'Each run, and below it the paper’s figures for its experiment',
    heading: ['run', ...MEASURES.map(({ name }) => name), 'best epoch', 'end'],
    rows,
  });
}

function texts(measures: Measures): string[] {
  return MEASURES.map((measure) => measureText(measures, measure));
}

/** The same relative to the first of the paper's experiments among the runs, here and in the paper. */
function ratios(runs: readonly NamedRun[]): Content {
  const order = Object.keys(experiments) as ExperimentName[];
  const ours = runs.filter(({ run }) => run.experiment !== 'train');
  const first = order.map((name) => ours.find(({ run }) => run.experiment === name)).find((run) => run);
  if (!first || ours.length < 2) return null;
  const paperOf = ({ run }: NamedRun) => paperMeasures(experiments[run.experiment as ExperimentName].paper);
  const relative = (measures: Measures, to: Measures) =>
    MEASURES.map(({ key }) => ratio(measures[key], to[key]));
  const rows = ours
    .filter((run) => run !== first)
    .flatMap((run) => [
      [html`<b>${run.name}</b>`, ...relative(run.measures, first.measures)],
      ['the paper', ...relative(paperOf(run), paperOf(first))],
    ]);
  return html`${dataTable({
    caption: `Relative to ${first.name}: here, and in the paper`,
    heading: ['run', ...MEASURES.map(({ name }) => name)],
    rows,
  })}
<p class="note">The paper’s text puts times as shares: “68.38 % faster” is 1 − 44.10 / 139.5. It does not say what it ran on, so only ratios of times can be compared.</p>`;
}

function curves(runs: readonly NamedRun[]): Html {
  const begun = runs.filter(({ run }) => run.epochs.length > 0);
  if (begun.length === 0) return html`<section id="curves"><h2>Curves</h2><p>There are none.</p></section>`;
  const unit = timeUnit(begun);
  const drawn = (['validAccuracy', 'validLoss'] as const).flatMap((metric) => {
    const y = metric === 'validAccuracy' ? ACCURACY : LOSS;
    const shared = { y, description: told(begun, metric, y) };
    const title = `Validation ${y.name}`;
    return [
      chart({
        ...shared,
        id: `${metric}-epochs`,
        title: `${title} an epoch`,
        note: figures(runs, metric),
        x: EPOCH,
        series: begun.map(({ name, run }) => ({ name, points: pointsOf(run.epochs, metric) })),
      }),
      chart({
        ...shared,
        id: `${metric}-seconds`,
        title: `${title} against time`,
        note: 'From the start of the training; the pass over the pictures through a frozen backbone is in it.',
        x: { name: unit.name, text: shortNumber, exact: (time) => time.toFixed(1), including: [0] },
        series: begun.map(({ name, run }) => ({ name, points: overTime(run, metric, unit) })),
      }),
    ];
  });
  return html`<section id="curves"><h2>Curves</h2><div class="charts">${drawn}</div></section>`;
}

function told(
  runs: readonly NamedRun[],
  metric: 'validAccuracy' | 'validLoss',
  { exact, text, name }: Axis,
): string {
  return runs
    .map(
      ({ name: run, run: { best } }) =>
        `${run}: ${name} ${(exact ?? text)(best?.[metric] ?? 0)} in its best epoch, ${best?.epoch}.`,
    )
    .join(' ');
}

function figures(runs: readonly NamedRun[], metric: 'validAccuracy' | 'validLoss'): Content {
  const key = metric === 'validAccuracy' ? 'accuracy' : 'loss';
  const shown = new Set(runs.map(({ run }) => run.experiment));
  const names = (Object.keys(experiments) as ExperimentName[]).filter((name) => shown.has(name));
  if (names.length === 0) return null;
  return `The paper’s figures: ${names.map((name) => `${experiments[name].paper.figures[key]} (${name})`).join(', ')}.`;
}

function overTime({ epochs, seconds }: ReportedRun, metric: keyof EpochMetrics, unit: TimeUnit) {
  let passed = seconds.features;
  return epochs.map((epoch) => {
    passed += epoch.seconds;
    return { x: passed / unit.seconds, y: epoch[metric] };
  });
}

interface TimeUnit {
  name: string;
  seconds: number;
}

function timeUnit(runs: readonly NamedRun[]): TimeUnit {
  const isLong = runs.some(({ measures }) => measures.seconds > 600);
  return isLong ? { name: 'minutes', seconds: 60 } : { name: 'seconds', seconds: 1 };
}

/** What all runs share, once; what differs, side by side. */
function setup(runs: readonly NamedRun[]): Html {
  const main = rowsOf(runs.map(({ run }) => factsOf(run)));
  const options = rowsOf(runs.map(({ run }) => otherOptions(run)));
  const differing = [...main, ...options].filter((row) => !isShared(row));
  return html`<section id="setup"><h2>What was run</h2>
${
  differing.length === 0
    ? html`<p>All have the same setup.</p>`
    : dataTable({
        caption: 'What differs',
        heading: ['', ...runs.map(({ name }) => name)],
        rows: differing.map(({ name, values }) => [name, ...values]),
        text: true,
      })
}
<h3>What they share</h3>
${sharedFacts(main)}
<details><summary>The other options that they share</summary>${sharedFacts(options)}</details>
</section>`;
}

/** A fact's or an option's value in each run. */
interface Row {
  name: string;
  values: string[];
}

function rowsOf(runs: ReadonlyArray<ReadonlyArray<readonly [string, string]>>): Row[] {
  const names = [...new Set(runs.flat().map(([name]) => name))];
  const valueIn = (pairs: (typeof runs)[number], name: string) =>
    pairs.find(([other]) => other === name)?.[1] ?? '-';
  return names.map((name) => ({ name, values: runs.map((pairs) => valueIn(pairs, name)) }));
}

function isShared({ values }: Row): boolean {
  return values.every((value) => value === values[0]);
}

function sharedFacts(rows: readonly Row[]): Html {
  return facts(rows.filter(isShared).map(({ name, values }) => [name, values[0] ?? '']));
}

/** Options that no fact tells of. */
function otherOptions({ options }: ReportedRun): Array<readonly [string, string]> {
  return Object.entries(options)
    .filter(([name]) => !TOLD.includes(name))
    .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
}

const TOLD = [
  ...[
    'data',
    'limitTrain',
    'limitValid',
    'imageSize',
    'init',
    'weights',
    'optimizer',
    'learningRate',
    'schedule',
  ],
  ...['batchSize', 'augmentation', 'seed', 'device', 'precision'],
];

function repeatThem(runs: readonly NamedRun[]): Html {
  return html`<section id="repeat"><h2>Run them again</h2>
${runs.map(({ name, run }) => {
  const words = commandOf(run);
  return html`<h3>${name}</h3>${command(['run', '--config', `${run.path}/config.json`])}${words ? command(words) : null}`;
})}
</section>`;
}
