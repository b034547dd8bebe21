import { type ExperimentName, experiments } from '../experiments/paper.ts';
import { type Axis, chart, type Point } from './chart.ts';
import { ACCURACY, accuracyText, EPOCH, LOSS, pointsOf, shortNumber } from './curves.ts';
import { type Content, type Html, html } from './html.ts';
import type { NamedRun } from './named-run.ts';
import type { ReportedRun } from './read-run.ts';

/** Charts of validation accuracy and validation loss of all runs, over epochs and over time. */
export function comparedCurves(runs: readonly NamedRun[]): Html {
  const begun = runs.filter(({ measures }) => measures.loss !== null);
  if (begun.length === 0)
    return html`<section id="curves"><h2>Curves</h2><p>No epoch was validated, so there are no curves.</p></section>`;
  const unit = timeUnit(begun);
  const drawn = (['validAccuracy', 'validLoss'] as const).flatMap((metric) => {
    const y = metric === 'validAccuracy' ? ACCURACY : LOSS;
    const shared = { y, description: descriptionOf(begun, metric, y) };
    const title = `Validation ${y.name}`;
    return [
      chart({
        ...shared,
        id: `${metric}-epochs`,
        title: `${title} per epoch`,
        note: figures(runs, metric),
        x: EPOCH,
        series: begun.map(({ name, run }) => ({
          name,
          points: pointsOf(run.epochs, metric),
          exact: exactOf(run, metric, y),
        })),
      }),
      chart({
        ...shared,
        id: `${metric}-seconds`,
        title: `${title} over time`,
        note: 'Time is counted from the start of the training and includes the pass of the images through a frozen backbone.',
        x: { name: unit.name, text: shortNumber, exact: (time) => time.toFixed(1), including: [0] },
        series: begun.map(({ name, run }) => ({
          name,
          points: overTime(run, metric, unit),
          exact: exactOf(run, metric, y),
        })),
      }),
    ];
  });
  return html`<section id="curves"><h2>Curves</h2><div class="charts">${drawn}</div></section>`;
}

function descriptionOf(runs: readonly NamedRun[], metric: 'validAccuracy' | 'validLoss', axis: Axis): string {
  return runs
    .map(({ name, run }) => {
      const value = exactOf(run, metric, axis)(run.best?.[metric] ?? 0);
      return `${name}: ${axis.name} ${value} in its best epoch (${run.best?.epoch}).`;
    })
    .join(' ');
}

/** How a run's values are written out: accuracies with their intervals. */
function exactOf(run: ReportedRun, metric: 'validAccuracy' | 'validLoss', { exact, text }: Axis) {
  return metric === 'validAccuracy' ? accuracyText(run) : (exact ?? text);
}

function figures(runs: readonly NamedRun[], metric: 'validAccuracy' | 'validLoss'): Content {
  const key = metric === 'validAccuracy' ? 'accuracy' : 'loss';
  const shown = new Set(runs.map(({ run }) => run.experiment));
  const names = (Object.keys(experiments) as ExperimentName[]).filter((name) => shown.has(name));
  if (names.length === 0) return null;
  return `Corresponding figures of the paper: ${names.map((name) => `${experiments[name].paper.figures[key]} (${name})`).join(', ')}.`;
}

function overTime(
  { epochs, seconds }: ReportedRun,
  metric: 'validAccuracy' | 'validLoss',
  unit: TimeUnit,
): Point[] {
  let passed = seconds.features;
  return epochs.map((epoch) => {
    passed += epoch.seconds;
    return { x: passed / unit.seconds, y: epoch[metric] as number };
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
