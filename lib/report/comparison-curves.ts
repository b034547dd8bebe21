import type { EpochMetrics } from '../engine/native-training.ts';
import { type ExperimentName, experiments } from '../experiments/paper.ts';
import { summaryOf } from '../support/statistics.ts';
import { type Axis, chart, type Series } from './chart.ts';
import { ACCURACY, accuracyText, EPOCH, LOSS, pointsOf, shortNumber } from './curves.ts';
import { type Content, type Html, html } from './html.ts';
import type { NamedRun } from './named-run.ts';
import type { ReportedRun } from './read-run.ts';
import { type SeedGroup, seedGroups } from './spread.ts';

type Metric = 'validAccuracy' | 'validLoss';

const BANDS = 'Lines are means over the seeds, areas reach from the lowest to the highest run. ';

/**
 * Charts of validation accuracy and validation loss of all runs with validated epochs, over epochs and over time. A
 * cross-validated run has none: its own epochs train on all images.
 */
export function comparedCurves(runs: readonly NamedRun[]): Html {
  const validated = runs.filter(({ run }) => run.epochs.some(({ validLoss }) => validLoss !== null));
  if (validated.length === 0)
    return html`<section id="curves"><h2>Curves</h2><p>No epoch was validated, so there are no curves.</p></section>`;
  const unit = timeUnit(validated);
  const groups = seedGroups(validated);
  const areRepeated = groups.length < validated.length;
  const drawn = (['validAccuracy', 'validLoss'] as const).flatMap((metric) => {
    const y = metric === 'validAccuracy' ? ACCURACY : LOSS;
    const shared = { y, description: descriptionOf(validated, metric, y) };
    const title = `Validation ${y.name}`;
    return [
      chart({
        ...shared,
        id: `${metric}-epochs`,
        title: `${title} per epoch`,
        note: [areRepeated ? BANDS : null, figures(validated, metric)],
        x: EPOCH,
        series: groups.map((group) => overEpochs(group, metric, y)),
      }),
      chart({
        ...shared,
        id: `${metric}-seconds`,
        title: `${title} over time`,
        note: 'Time is counted from the start of the training and includes the pass of the images through a frozen backbone.',
        x: { name: unit.name, text: shortNumber, exact: (time) => time.toFixed(1), including: [0] },
        series: groups.map((group) => overTime(group, metric, { unit, y })),
      }),
    ];
  });
  return html`<section id="curves"><h2>Curves</h2>${withoutCurves(runs.filter((run) => !validated.includes(run)))}<div class="charts">${drawn}</div></section>`;
}

function withoutCurves(runs: readonly NamedRun[]): Content {
  if (runs.length === 0) return null;
  return html`<p class="note">Without validated epochs, and so without curves: ${runs.map(({ name }) => name).join(', ')}.</p>`;
}

function descriptionOf(runs: readonly NamedRun[], metric: Metric, axis: Axis): string {
  return runs
    .flatMap(({ name, run }) => {
      const value = run.best?.[metric] ?? null;
      if (value === null) return [];
      const text = exactOf(run, metric, axis)(value);
      return `${name}: ${axis.name} ${text} in its best epoch (${run.best?.epoch}).`;
    })
    .join(' ');
}

/** How a run's values are written out: accuracies with their intervals. */
function exactOf(run: ReportedRun, metric: Metric, { exact, text }: Axis) {
  return metric === 'validAccuracy' ? accuracyText(run) : (exact ?? text);
}

function figures(runs: readonly NamedRun[], metric: Metric): Content {
  const key = metric === 'validAccuracy' ? 'accuracy' : 'loss';
  const shown = new Set(runs.map(({ run }) => run.experiment));
  const names = (Object.keys(experiments) as ExperimentName[]).filter((name) => shown.has(name));
  if (names.length === 0) return null;
  return `Corresponding figures of the paper: ${names.map((name) => `${experiments[name].paper.figures[key]} (${name})`).join(', ')}.`;
}

/** A run's curve; of runs that differ in their seed alone the mean, and behind it the lowest and highest values. */
function overEpochs({ name, runs }: SeedGroup, metric: Metric, y: Axis): Series {
  const [only] = runs;
  if (only && runs.length === 1) {
    return { name, points: pointsOf(only.run.epochs, metric), exact: exactOf(only.run, metric, y) };
  }
  const spread = spreadPerEpoch(runs, (epoch) => epoch[metric]);
  return {
    name,
    points: spread.map(({ index, mean }) => ({ x: index + 1, y: mean })),
    band: spread.map(({ index, low, high }) => ({ x: index + 1, low, high })),
  };
}

function overTime(
  { name, runs }: SeedGroup,
  metric: Metric,
  { unit, y }: { unit: TimeUnit; y: Axis },
): Series {
  const values = spreadPerEpoch(runs, (epoch) => epoch[metric]);
  let passed = summaryOf(runs.map(({ run }) => run.seconds.features)).mean;
  const times = spreadPerEpoch(runs, ({ seconds }) => seconds).map(({ mean }) => {
    passed += mean;
    return passed / unit.seconds;
  });
  const band = values.map(({ index, low, high }) => ({ x: times[index] as number, low, high }));
  const points = values.map(({ index, mean }) => ({ x: times[index] as number, y: mean }));
  const [only] = runs;
  return only && runs.length === 1
    ? { name, points, exact: exactOf(only.run, metric, y) }
    : { name, points, band };
}

/** Mean, lowest and highest value in each epoch that all runs have reached; none of an epoch without values. */
function spreadPerEpoch(runs: readonly NamedRun[], value: (epoch: EpochMetrics) => number | null) {
  const length = Math.min(...runs.map(({ run }) => run.epochs.length));
  return [...Array(length).keys()].flatMap((index) => {
    const values = runs.flatMap(({ run }) => value(run.epochs[index] as EpochMetrics) ?? []);
    if (values.length === 0) return [];
    return { index, mean: summaryOf(values).mean, low: Math.min(...values), high: Math.max(...values) };
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
