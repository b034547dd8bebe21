import { isDeepStrictEqual } from 'node:util';
import { MEASURES, type Measures, measureText, paperMeasures } from '../experiments/beside-paper.ts';
import { type ExperimentName, experiments } from '../experiments/paper.ts';
import { percent } from '../support/format.ts';
import { INTERVALS, shareText } from '../support/interval.ts';
import { commandOf } from './command.ts';
import { comparedCurves } from './comparison-curves.ts';
import { comparedSetup } from './comparison-setup.ts';
import { differentData, haveDifferentData } from './different-data.ts';
import { endingOf } from './ending.ts';
import { type Content, type Html, html } from './html.ts';
import { type NamedRun, named } from './named-run.ts';
import { contents, page } from './page.ts';
import type { ReportedRun } from './read-run.ts';
import { ratio } from './results-section.ts';
import { command, configWords } from './setup-section.ts';
import { repeatedLede, seedGroups, spreadSection } from './spread.ts';
import { dataTable } from './table.ts';

/**
 * Builds the report that compares several runs with each other, and with the paper where they run its experiments.
 *
 * @param hrefs of the runs' own reports, by the runs' paths
 */
export function comparisonReport(reported: readonly ReportedRun[], hrefs: ReadonlyMap<string, string>): Html {
  const runs = named(reported);
  const groups = seedGroups(runs);
  const areRepeated = groups.length < runs.length;
  const [group, another] = groups;
  return page({
    title: `${runs.length} runs compared: ${runs.map(({ name }) => name).join(', ')}`,
    body: html`<header>
<h1>${runs.length} runs compared</h1>
<p class="lede">${group && !another ? repeatedLede(group) : lede(runs)}</p>
${differentData(runs)}
${unfinished(runs)}
${contents([
  ...(areRepeated ? [['spread', 'Spread'] as const] : []),
  ['results', 'Results'],
  ['curves', 'Curves'],
  ['setup', 'Setup'],
  ['repeat', 'Reproduce'],
])}
</header>
<main>
${spreadSection(groups)}
<section id="results"><h2>Results</h2>
${resultsTable(runs, hrefs)}
${areRepeated ? null : ratios(runs)}
</section>
${comparedCurves(runs)}
${scoresPerClass(runs)}
${comparedSetup(runs)}
${repeatThem(runs)}
</main>`,
  });
}

function lede(runs: readonly NamedRun[]): Content {
  const accurate = bestBy(runs, ({ measures }) => measures.accuracy);
  const quick = bestBy(runs, ({ measures }) => (measures.accuracy === null ? null : -measures.seconds));
  if (!accurate || !quick) return 'No epoch of any run was validated.';
  const [accuracy, loss, time] = MEASURES.map((measure) => measureText(accurate.measures, measure));
  const most = haveDifferentData(runs)
    ? 'has the highest validation accuracy, though not on the same data as the others'
    : 'is the most accurate run';
  return html`<b>${accurate.name}</b> ${most}: validation accuracy ${accuracy ?? ''}, validation loss ${loss ?? ''}, time ${time ?? ''}.
${quick.measures.seconds >= accurate.measures.seconds ? 'It is also the fastest.' : html`<b>${quick.name}</b> is the fastest run: it took ${percent(1 - quick.measures.seconds / accurate.measures.seconds)} less time and reached ${shareText(quick.measures.accuracy ?? 0, quick.measures.images)}.`}`;
}

function bestBy(runs: readonly NamedRun[], value: (run: NamedRun) => number | null): NamedRun | undefined {
  return runs
    .filter((run) => value(run) !== null)
    .sort((a, b) => (value(b) as number) - (value(a) as number))[0];
}

function unfinished(runs: readonly NamedRun[]): Content {
  return runs
    .map(({ name, run }) => ({ name, ending: endingOf(run) }))
    .filter(({ ending }) => !ending.isComplete)
    .map(({ name, ending }) => html`<p class="warning"><b>${name}</b>: ${ending.status}. ${ending.text}</p>`);
}

/** The paper's figures follow the last run of each experiment. */
function resultsTable(runs: readonly NamedRun[], hrefs: ReadonlyMap<string, string>): Html {
  const hasPaper = runs.some(({ run }) => run.experiment !== 'train');
  const rows = runs.flatMap(({ name, run, measures }, place) => {
    const here = [
      html`<b>${linked(name, hrefs.get(run.path))}</b>`,
      ...texts(measures),
      run.best ? `${run.best.epoch} of ${run.epochs.length}` : '-',
      endingOf(run).status,
    ];
    const isLast = runs[place + 1]?.run.experiment !== run.experiment;
    const there =
      run.experiment === 'train' || !isLast ? null : paperMeasures(experiments[run.experiment].paper);
    return there ? [here, ['the paper', ...texts(there), '', '']] : [here];
  });
  return dataTable({
    caption: `Results of each run${hasPaper ? ', followed by the paper’s results for the same experiment' : ''}. ${INTERVALS}`,
    heading: ['run', ...MEASURES.map(({ name }) => name), 'best epoch', 'status'],
    rows,
    isStacked: true,
  });
}

function linked(name: string, href: string | undefined): Content {
  return href === undefined ? name : html`<a href="${href}">${name}</a>`;
}

function texts(measures: Measures): string[] {
  return MEASURES.map((measure) => measureText(measures, measure));
}

/** Results relative to the first of the paper's experiments among the runs, here and in the paper. */
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
    caption: `Results relative to ${first.name}, here and in the paper`,
    heading: ['run', ...MEASURES.map(({ name }) => name)],
    rows,
    isStacked: true,
  })}
<p class="note">The paper states times as fractions: “68.38 % faster” means 1 − 44.10 / 139.5. It does not name its hardware, so only ratios of times can be compared.</p>`;
}

/** F1 of each class in each run, if all runs have the same classes. */
function scoresPerClass(runs: readonly NamedRun[]): Content {
  const evaluations = runs.map(({ run }) => run.validation?.evaluation);
  const classes = evaluations[0]?.classes;
  if (!classes || !evaluations.every((evaluation) => isDeepStrictEqual(evaluation?.classes, classes))) {
    return null;
  }
  return html`<section id="classes"><h2>F1 per class</h2>
${dataTable({
  caption: 'F1, the harmonic mean of precision and recall',
  heading: ['class', ...runs.map(({ name }) => name)],
  rows: classes.map((label, index) => [
    label,
    ...evaluations.map((evaluation) => percent(evaluation?.perClass[index]?.f1 ?? 0)),
  ]),
})}
</section>`;
}

function repeatThem(runs: readonly NamedRun[]): Html {
  return html`<section id="repeat"><h2>Reproduce</h2>
${runs.map(({ name, run }) => {
  const words = commandOf(run);
  return html`<h3>${name}</h3>${command(configWords(run))}${words ? command(words) : null}`;
})}
</section>`;
}
