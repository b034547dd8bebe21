import type { EpochMetrics } from '../engine/native-training.ts';
import { experiments } from '../experiments/paper.ts';
import { percent } from '../support/format.ts';
import { INTERVALS, shareText } from '../support/interval.ts';
import { type Axis, chart, type Point, type Series } from './chart.ts';
import { type Content, type Html, html } from './html.ts';
import type { ReportedRun } from './read-run.ts';
import { spansDecades } from './scale.ts';

export const EPOCH: Axis = { name: 'epoch', text: String, whole: true };
export const ACCURACY: Axis = {
  name: 'accuracy',
  text: (fraction) => `${Number((fraction * 100).toFixed(2))} %`,
  exact: percent,
};
export const LOSS: Axis = {
  name: 'loss',
  text: (loss) => shortNumber(loss, 6),
  exact: (loss) => loss.toFixed(4),
};

/** Charts of one run: accuracy, loss and learning rate per epoch. */
export function curvesSection(run: ReportedRun): Html {
  if (run.epochs.length === 0) {
    return html`<section id="curves"><h2>Curves</h2><p>No epoch has ended, so there are no curves.</p></section>`;
  }
  const rates = run.epochs.map(({ lr }) => lr);
  return html`<section id="curves"><h2>Curves</h2>
<div class="charts">${accuracyChart(run)}${lossChart(run)}${isConstant(rates) ? null : learningRateChart(run)}</div>
${isConstant(rates) ? html`<p>${constantRate(rates)}</p>` : null}
</section>`;
}

function accuracyChart(run: ReportedRun): Html {
  return chart({
    id: 'accuracy',
    title: 'Accuracy per epoch',
    description: descriptionOf('validation accuracy', run, 'validAccuracy', accuracyText(run)),
    note: [
      figureNote(run, 'accuracy'),
      'Training accuracy is measured during training, while the weights change and with dropout and augmentation on. ',
      run.dataset.valid > 0 ? INTERVALS : null,
    ],
    x: EPOCH,
    y: ACCURACY,
    series: bothSets(run.epochs, 'validAccuracy', 'trainAccuracy', accuracyText(run)),
    levels: paperLevel(run, 'validAccuracy', percent),
    moments: momentsOf(run),
  });
}

function lossChart(run: ReportedRun): Html {
  return chart({
    id: 'loss',
    title: 'Loss per epoch',
    description: descriptionOf('validation loss', run, 'validLoss', (loss) => loss.toFixed(4)),
    note: figureNote(run, 'loss'),
    x: EPOCH,
    y: LOSS,
    series: bothSets(run.epochs, 'validLoss', 'trainLoss'),
    levels: paperLevel(run, 'validLoss', (loss) => loss.toFixed(4)),
    moments: momentsOf(run),
  });
}

function isConstant(values: readonly number[]): boolean {
  return values.every((value) => value === values[0]);
}

function constantRate(rates: readonly number[]): string {
  const [rate = 0] = rates;
  return `The learning rate was ${shortNumber(rate)} in ${rates.length === 1 ? 'the only epoch' : 'every epoch'}.`;
}

function learningRateChart(run: ReportedRun): Html {
  const logarithmic = spansDecades(run.epochs.map(({ lr }) => lr));
  return chart({
    id: 'learning-rate',
    title: 'Learning rate per epoch',
    description: descriptionOf('learning rate', run, 'lr', shortNumber),
    note: `Learning rate at the last step of each epoch${logarithmic ? ', on a logarithmic scale' : ''}.`,
    x: EPOCH,
    y: { name: 'learning rate', text: shortNumber, logarithmic },
    series: [{ name: 'learning rate', points: pointsOf(run.epochs, 'lr') }],
    moments: momentsOf(run),
  });
}

type Metric = 'validAccuracy' | 'trainAccuracy' | 'validLoss' | 'trainLoss' | 'lr';

/** Values of a metric over the epochs; none of validation metrics if nothing is validated. */
export function pointsOf(epochs: readonly EpochMetrics[], metric: Metric): Point[] {
  return epochs.flatMap((epoch) => {
    const y = epoch[metric];
    return y === null ? [] : [{ x: epoch.epoch, y }];
  });
}

/** Formats a validation accuracy of a run with its interval. */
export function accuracyText({ dataset }: ReportedRun): (accuracy: number) => string {
  return (accuracy) => shareText(accuracy, dataset.valid);
}

function bothSets(
  epochs: readonly EpochMetrics[],
  valid: Metric,
  train: Metric,
  exact: (value: number) => string = (loss) => loss.toFixed(4),
): Series[] {
  return [
    { name: 'validation', points: pointsOf(epochs, valid), exact },
    { name: 'training', points: pointsOf(epochs, train) },
  ].filter(({ points }) => points.length > 0);
}

/** Describes a curve for readers who cannot see it. */
function descriptionOf(
  what: string,
  { epochs, best }: ReportedRun,
  metric: Metric,
  text: (value: number) => string,
): string {
  const [first, last] = [epochs[0], epochs.at(-1)];
  if (!first || !last || !best) return '';
  const atBest = epochs.find(({ epoch }) => epoch === best.epoch) ?? last;
  const shown = (epoch: EpochMetrics) => text(epoch[metric] as number);
  if (last[metric] === null) return 'Nothing was validated.';
  return `The ${what} is ${shown(first)} in epoch ${first.epoch}, ${shown(atBest)} in the best epoch (${best.epoch}) and ${shown(last)} in the last epoch (${last.epoch}).`;
}

/** Names the paper's figure of the same curve. */
function figureNote({ experiment }: ReportedRun, curve: 'accuracy' | 'loss'): Content {
  if (experiment === 'train') return null;
  const number = experiments[experiment].paper.figures[curve];
  return html`Figure ${number} of the paper shows this curve of <code>${experiment}</code> on the validation set. `;
}

function paperLevel(
  { experiment }: ReportedRun,
  figure: 'validAccuracy' | 'validLoss',
  text: (value: number) => string,
) {
  if (experiment === 'train') return [];
  const y = experiments[experiment].paper[figure];
  return [{ name: `the paper: ${text(y)}`, y }];
}

/** Marks the best epoch, the starts of stages and the resumptions. */
function momentsOf({ epochs, best, resumed }: ReportedRun) {
  const stages = epochs.filter(({ stage }, index) => index > 0 && stage !== epochs[index - 1]?.stage);
  return [
    ...(best ? [{ name: 'best', x: best.epoch }] : []),
    ...stages.map(({ stage, epoch }) => ({ name: `stage ${stage}`, x: epoch })),
    ...resumed
      .filter(({ epoch }) => epoch >= 1 && epoch <= epochs.length)
      .map(({ epoch }) => ({ name: 'resumed', x: epoch })),
  ];
}

/** Formats a number briefly, with at most so many digits: `0.001`, `1e-5`, `2.5`. */
export function shortNumber(value: number, digits = 4): string {
  const text = String(Number(value.toPrecision(digits)));
  return value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5)
    ? Number(value.toPrecision(3)).toExponential()
    : text;
}
