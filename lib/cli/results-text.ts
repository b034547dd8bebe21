import {
  differencesOf,
  MEASURES,
  type Measures,
  measuresOf,
  measureText,
  paperMeasures,
} from '../experiments/beside-paper.ts';
import { monitorName } from '../experiments/monitor-text.ts';
import { experiments, type PaperFigures } from '../experiments/paper.ts';
import type { RunFolds, RunResults } from '../experiments/results.ts';
import { percent } from '../support/format.ts';
import { INTERVALS, shareText } from '../support/interval.ts';
import { lossSpreadText } from '../support/spread-text.ts';
import { columns, table } from './table.ts';

/** Results of a run. For one of the paper's experiments also the paper's results and the differences in setup. */
export function resultsText(results: RunResults): string {
  if (results.experiment === 'train') return ownResults(results);
  return compareWithPaper(results, experiments[results.experiment].paper);
}

/** Table that compares several runs of the paper's experiments with each other and with the paper. */
export function comparison(runs: readonly RunResults[]): string {
  const slowest = Math.max(...runs.map(({ seconds }) => seconds.total));
  const slowestPaper = Math.max(...Object.values(experiments).map(({ paper }) => paper.minutes)) * 60;
  const rows = runs.flatMap((run) => {
    if (run.experiment === 'train') return [];
    const { paper } = experiments[run.experiment];
    return [
      comparedRow(run.experiment, measuresOf(run), slowest),
      comparedRow('  the paper', paperMeasures(paper), slowestPaper),
    ];
  });
  const heading = ['experiment', 'accuracy', 'loss', 'time', '/ slowest', 'trainable'];
  return `${table(heading, rows, ['left', 'right', 'right', 'right', 'right', 'right'])}\n\n${INTERVALS}`;
}

function comparedRow(name: string, measures: Measures, slowest: number): string[] {
  const [accuracy = '', loss = '', time = '', parameters = ''] = MEASURES.map((measure) =>
    measureText(measures, measure),
  );
  return [name, accuracy, loss, time, percent(measures.seconds / slowest), parameters];
}

function ownResults(results: RunResults): string {
  const { best, epochs, stoppedBecause, dataset } = results;
  const [accuracy, loss, time] = MEASURES.map((measure) => [
    measure.name,
    measureText(measuresOf(results), measure),
  ]) as [string[], string[], string[]];
  const rest = [['stop reason', stoppedBecause], time];
  if (results.folds) return foldsText(results.folds, [accuracy, loss], rest);
  if (dataset.valid === 0) {
    const kept = [['kept epoch', best ? `${best.epoch}, the last` : '-'], ...rest];
    return `${columns(kept, ['left', 'right'])}\n\n${UNVALIDATED}`;
  }
  const figures = [
    accuracy,
    ...top5Row(results),
    ...monitoredRow(results),
    loss,
    ['best epoch', best ? `${best.epoch} of ${epochs.length}` : '-'],
    ...rest,
  ];
  return `${columns(figures, ['left', 'right'])}\n\n${INTERVALS}`;
}

/** Out-of-fold figures, and the spread of the folds. */
function foldsText(
  { folds, accuracy, loss, epochs }: RunFolds,
  [pooledAccuracy, pooledLoss]: readonly [readonly string[], readonly string[]],
  rest: string[][],
): string {
  const figures = [
    ['accuracy out of fold', pooledAccuracy[1] ?? ''],
    [`  mean of ${folds.length} folds`, `${percent(accuracy.mean)} ± ${percent(accuracy.standardDeviation)}`],
    ['loss out of fold', pooledLoss[1] ?? ''],
    [`  mean of ${folds.length} folds`, lossSpreadText(loss)],
    ['epochs of the last training', `${epochs}, the median of the best`],
    ...rest,
  ];
  return `${columns(figures, ['left', 'right'])}\n\n${INTERVALS} ${OUT_OF_FOLD}`;
}

const OUT_OF_FOLD =
  'Out of fold: each image is judged by a model that has not seen it. best.safetensors holds a model that was then ' +
  'trained on all images.';

/** The top-5 accuracy of the best epoch, if there are more than five classes. */
function top5Row({ best, dataset }: RunResults): string[][] {
  if (best?.validTop5Accuracy === undefined) return [];
  return [['validation top-5 accuracy', shareText(best.validTop5Accuracy, dataset.valid)]];
}

/** The monitored figure of the best epoch, where it is neither accuracy nor loss. */
function monitoredRow({ best, monitor }: RunResults): string[][] {
  if (monitor === null || best?.monitored === undefined) return [];
  return [[monitorName(monitor), percent(best.monitored)]];
}

const UNVALIDATED =
  'Nothing was validated: best.safetensors holds the model of the last epoch.\n' +
  'To judge it, evaluate it on labelled images that it was not trained on (torch-tl evaluate).';

function compareWithPaper(results: RunResults, paper: PaperFigures): string {
  const here = measuresOf(results);
  const there = paperMeasures(paper);
  const measured = MEASURES.map((measure) => [
    measure.name,
    measureText(here, measure),
    measureText(there, measure),
  ]);
  const [accuracy = [], ...others] = measured;
  const own = [...top5Row(results), ...monitoredRow(results)].map((row) => [...row, '-']);
  const figures = [accuracy, ...own, ...others];
  return [
    table([results.experiment, 'here', 'paper'], figures, ['left', 'right', 'right']),
    '',
    results.dataset.valid === 0 ? UNVALIDATED : INTERVALS,
    '',
    table(['difference', 'here', 'paper'], differencesOf(results, paper), ['left', 'left', 'left']),
  ].join('\n');
}
