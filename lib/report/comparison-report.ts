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
import { measureRatio } from './results-section.ts';
import { command, factsOf } from './setup-section.ts';
import { dataTable, facts } from './table.ts';

/** A run under the name that it has among the others. */
interface NamedRun {
  name: string;
  run: ReportedRun;
  measures: Measures;
}

const SECONDS: Axis = { name: 'seconds', text: shortNumber, exact: (seconds) => seconds.toFixed(1) };

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

/** By experiment, by directory where there are several of one, by the whole path where that is no name either. */
function named(runs: readonly ReportedRun[]): NamedRun[] {
  const candidates = [
    (run: ReportedRun) => run.experiment,
    (run: ReportedRun) => `${run.experiment}, ${basename(run.path)}`,
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
  const rows = ours
    .filter((run) => run !== first)
    .map((run) => [
      run.name,
      ...MEASURES.flatMap(({ key }) => [
        measureRatio(key, run.measures, first.measures),
        measureRatio(key, paperOf(run), paperOf(first)),
      ]),
    ]);
  return html`${dataTable({
    caption: html`Relative to <b>${first.name}</b>: here, and in the paper`,
    heading: ['run', ...MEASURES.flatMap(({ name }) => [name, 'the paper'])],
    rows,
  })}
<p class="note">The paper’s text puts times as shares: “68.38 % faster” is 1 − 44.10 / 139.5. It does not say what it ran on, so only ratios of times can be compared.</p>`;
}

function curves(runs: readonly NamedRun[]): Html {
  const begun = runs.filter(({ run }) => run.epochs.length > 0);
  if (begun.length === 0) return html`<section id="curves"><h2>Curves</h2><p>There are none.</p></section>`;
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
        note: 'The pass over the pictures through a frozen backbone counts.',
        x: SECONDS,
        series: begun.map(({ name, run }) => ({ name, points: overTime(run, metric) })),
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

function overTime({ epochs, seconds }: ReportedRun, metric: keyof EpochMetrics) {
  let passed = seconds.features;
  return epochs.map((epoch) => {
    passed += epoch.seconds;
    return { x: passed, y: epoch[metric] };
  });
}

/** What all runs share, once; what differs, side by side. */
function setup(runs: readonly NamedRun[]): Html {
  const all = runs.map(({ run }) => [...factsOf(run), ...otherOptions(run)]);
  const names = [...new Set(all.flat().map(([name]) => name))];
  const rows = names.map((name) => ({
    name,
    values: all.map((pairs) => pairs.find(([other]) => other === name)?.[1] ?? '-'),
  }));
  const isShared = ({ values }: { values: string[] }) => values.every((value) => value === values[0]);
  const differing = rows.filter((row) => !isShared(row));
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
${facts(rows.filter(isShared).map(({ name, values }) => [name, values[0] ?? '']))}
</section>`;
}

/** Options that no fact tells of. */
function otherOptions({ options }: ReportedRun): Array<readonly [string, string]> {
  const told = [
    'data',
    'imageSize',
    'batchSize',
    'seed',
    'precision',
    'device',
    'augmentation',
    'optimizer',
    'learningRate',
    'schedule',
    'weights',
    'init',
  ];
  return Object.entries(options)
    .filter(([name]) => !told.includes(name))
    .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
}

function repeatThem(runs: readonly NamedRun[]): Html {
  return html`<section id="repeat"><h2>Run them again</h2>
${runs.map(({ name, run }) => {
  const words = commandOf(run);
  return html`<h3>${name}</h3>${command(['run', '--config', `${run.path}/config.json`])}${words ? command(words) : null}`;
})}
</section>`;
}
