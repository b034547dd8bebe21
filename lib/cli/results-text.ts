import {
  differencesOf,
  MEASURES,
  type Measures,
  measuresOf,
  measureText,
  paperMeasures,
} from '../experiments/beside-paper.ts';
import { experiments, type PaperFigures } from '../experiments/paper.ts';
import type { RunResults } from '../experiments/results.ts';
import { percent } from '../support/format.ts';
import { columns, table } from './table.ts';

/** A run's results, those of a paper's experiment beside the paper's with what differs between the two. */
export function resultsText(results: RunResults): string {
  if (results.experiment === 'train') return ownResults(results);
  return compareWithPaper(results, experiments[results.experiment].paper);
}

/** Several runs of the paper's experiments side by side, and beside the paper's figures. */
export function comparison(runs: readonly RunResults[]): string {
  const slowest = Math.max(...runs.map(({ seconds }) => seconds.total));
  const slowestThere = Math.max(...Object.values(experiments).map(({ paper }) => paper.minutes)) * 60;
  const rows = runs.flatMap((run) => {
    if (run.experiment === 'train') return [];
    const { paper } = experiments[run.experiment];
    return [
      comparedRow(run.experiment, measuresOf(run), slowest),
      comparedRow('  the paper', paperMeasures(paper), slowestThere),
    ];
  });
  const heading = ['experiment', 'accuracy', 'loss', 'time', 'of the slowest', 'trainable parameters'];
  return table(heading, rows, ['left', 'right', 'right', 'right', 'right', 'right']);
}

function comparedRow(name: string, measures: Measures, slowest: number): string[] {
  const [accuracy = '', loss = '', time = '', parameters = ''] = MEASURES.map((measure) =>
    measureText(measures, measure),
  );
  return [name, accuracy, loss, time, percent(measures.seconds / slowest), parameters];
}

function ownResults(results: RunResults): string {
  const { best, epochs, stoppedBecause } = results;
  const [accuracy, loss, time] = MEASURES.map((measure) => [
    measure.name,
    measureText(measuresOf(results), measure),
  ]) as [string[], string[], string[]];
  const figures = [
    accuracy,
    loss,
    ['best epoch', best ? `${best.epoch} of ${epochs.length}` : '-'],
    ['stopped because of', stoppedBecause],
    time,
  ];
  return columns(figures, ['left', 'right']);
}

function compareWithPaper(results: RunResults, paper: PaperFigures): string {
  const here = measuresOf(results);
  const there = paperMeasures(paper);
  const figures = MEASURES.map((measure) => [
    measure.name,
    measureText(here, measure),
    measureText(there, measure),
  ]);
  return [
    table([results.experiment, 'here', 'paper'], figures, ['left', 'right', 'right']),
    '',
    table(['what differs', 'here', 'paper'], differencesOf(results, paper), ['left', 'left', 'left']),
  ].join('\n');
}
