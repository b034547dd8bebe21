import { experiments, PAPER, type PaperFigures } from '../experiments/paper.ts';
import type { RunResults } from '../experiments/results.ts';
import { count, duration, percent } from './format.ts';
import { columns, table } from './table.ts';

/** A run's results, those of a paper's experiment beside the paper's with what differs between the two. */
export function resultsText(results: RunResults): string {
  if (results.experiment === 'train') return ownResults(results);
  return compareWithPaper(results, experiments[results.experiment].paper);
}

/** Several runs of the paper's experiments side by side, and beside the paper's figures. */
export function comparison(runs: readonly RunResults[]): string {
  const slowest = Math.max(...runs.map(({ seconds }) => seconds.total));
  const slowestThere = Math.max(...Object.values(experiments).map(({ paper }) => paper.minutes));
  const rows = runs.flatMap((run) => {
    if (run.experiment === 'train') return [];
    const { paper } = experiments[run.experiment];
    return [
      [
        run.experiment,
        run.best ? percent(run.best.validAccuracy) : '-',
        run.best ? run.best.validLoss.toFixed(4) : '-',
        duration(run.seconds.total),
        percent(run.seconds.total / slowest),
        count(run.trainableParameters),
      ],
      [
        '  the paper',
        percent(paper.validAccuracy),
        paper.validLoss.toFixed(4),
        duration(paper.minutes * 60),
        percent(paper.minutes / slowestThere),
        count(paper.trainableParameters),
      ],
    ];
  });
  const heading = ['experiment', 'accuracy', 'loss', 'time', 'of the slowest', 'trainable parameters'];
  return table(heading, rows, ['left', 'right', 'right', 'right', 'right', 'right']);
}

function ownResults({ best, seconds, epochs, stoppedBecause }: RunResults): string {
  const figures = [
    ['validation accuracy', best ? percent(best.validAccuracy) : '-'],
    ['validation loss', best ? best.validLoss.toFixed(4) : '-'],
    ['best epoch', best ? `${best.epoch} of ${epochs.length}` : '-'],
    ['stopped because of', stoppedBecause],
    ['time', duration(seconds.total)],
  ];
  return columns(figures, ['left', 'right']);
}

function compareWithPaper(results: RunResults, paper: PaperFigures): string {
  const { best, seconds, trainableParameters } = results;
  const figures = [
    ['validation accuracy', best ? percent(best.validAccuracy) : '-', percent(paper.validAccuracy)],
    ['validation loss', best ? best.validLoss.toFixed(4) : '-', paper.validLoss.toFixed(4)],
    ['time', duration(seconds.total), duration(paper.minutes * 60)],
    ['trainable parameters', count(trainableParameters), count(paper.trainableParameters)],
  ];
  return [
    table([results.experiment, 'here', 'paper'], figures, ['left', 'right', 'right']),
    '',
    table(['what differs', 'here', 'paper'], differencesOf(results, paper), ['left', 'left', 'left']),
  ].join('\n');
}

function differencesOf(results: RunResults, paper: PaperFigures): string[][] {
  const { dataset, weights, imageSize, epochs, hardware, device } = results;
  const pictures = (train: number, valid: number) => `${count(train)} + ${count(valid)} pictures`;
  const learnt = weights.trainedOn ? ` (${weights.trainedOn})` : '';
  const conditions = [
    [
      'data',
      `${dataset.name}, ${pictures(dataset.train, dataset.valid)}`,
      `CIFAR-10, ${pictures(PAPER.trainCount, PAPER.validCount)}`,
    ],
    ['weights', weights.source + learnt, paper.weights],
    ['size', `${imageSize}x${imageSize}`, `${PAPER.imageSize}x${PAPER.imageSize}`],
    ['epochs', String(epochs.length), String(PAPER.epochs)],
    ['hardware', device === 'cpu' ? hardware : `${hardware} (${device})`, 'not said'],
  ];
  return conditions.filter(([, here, there]) => here !== there);
}
