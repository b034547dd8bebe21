import { experiments } from '../experiments/paper.ts';
import type { SeedsResults, SeedsSummary } from '../experiments/run-seeds.ts';
import { percent } from '../support/format.ts';
import { lossSpreadText, meanIntervalText, shareSpreadText } from '../support/spread-text.ts';
import { table } from './table.ts';

/** Accuracy and loss of each run, and their mean and spread beside the paper's figures. */
export function seedsText({ summaries, runs }: SeedsResults): string {
  const rows = runs.map(({ experiment, seed, best }) => [
    experiment,
    String(seed),
    best?.validAccuracy == null ? '-' : percent(best.validAccuracy),
    best?.validLoss?.toFixed(4) ?? '-',
  ]);
  const hasPaper = summaries.some(({ experiment }) => experiment !== 'train');
  const heading = ['experiment', 'runs', 'accuracy', '95 % interval', 'loss'];
  return [
    table(['experiment', 'seed', 'accuracy', 'loss'], rows, ['left', 'right', 'right', 'right']),
    '',
    table(
      hasPaper ? [...heading, 'the paper'] : heading,
      summaries.map((summary) => [...summaryRow(summary), ...(hasPaper ? [paperOf(summary)] : [])]),
      ['left', 'right', 'right', 'right', 'right', 'right'],
    ),
    '',
    'Mean ± standard deviation over the seeds; interval of the mean by Student’s t.',
  ].join('\n');
}

function summaryRow({ experiment, seeds, accuracy, loss }: SeedsSummary): string[] {
  return [
    experiment,
    String(seeds.length),
    shareSpreadText(accuracy),
    meanIntervalText(accuracy),
    lossSpreadText(loss),
  ];
}

function paperOf({ experiment }: SeedsSummary): string {
  return experiment === 'train' ? '-' : percent(experiments[experiment].paper.validAccuracy);
}
