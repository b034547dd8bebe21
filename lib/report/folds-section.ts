import type { RunFolds } from '../experiments/results.ts';
import { count, percent } from '../support/format.ts';
import { shareText } from '../support/interval.ts';
import { lossSpreadText } from '../support/spread-text.ts';
import { type Html, html } from './html.ts';
import { dataTable } from './table.ts';

/** Figures of the folds of a cross-validated run, and their mean and spread. */
export function foldsSection({ folds, accuracy, loss, epochs, outOfFold }: RunFolds): Html {
  return html`${dataTable({
    caption:
      'Each fold, in its best epoch: validated on the fold, trained on the others. Images: for training + for validation.',
    heading: ['fold', 'images', 'best epoch', 'accuracy', 'loss'],
    rows: [
      ...folds.map(({ fold, train, valid, best }) => [
        String(fold),
        html`${count(train)} + ${count(valid)}`,
        String(best.epoch),
        shareText(best.validAccuracy, valid),
        best.validLoss.toFixed(4),
      ]),
      [
        html`<b>mean ± standard deviation</b>`,
        '',
        '',
        `${percent(accuracy.mean)} ± ${percent(accuracy.standardDeviation)}`,
        lossSpreadText(loss),
      ],
    ],
    isNarrow: true,
  })}
<p>Over all ${count(outOfFold.count)} images, each judged by the model that has not seen it, the accuracy is
${shareText(outOfFold.accuracy, outOfFold.count)}. In parentheses: its 95 % confidence interval in %. The model of this run was then
trained on all images for ${count(epochs)} epochs, the median of the folds’ best.</p>`;
}
