import type { Evaluation } from '../model/evaluate.ts';
import { images, percent } from '../support/format.ts';
import { shareText } from '../support/interval.ts';
import { type Axis, chart } from './chart.ts';
import { type Content, html } from './html.ts';

const PROBABILITY: Axis = {
  name: 'predicted probability',
  text: (fraction) => `${Math.round(fraction * 100)} %`,
  exact: percent,
  including: [0, 1],
};
const ACCURACY: Axis = { ...PROBABILITY, name: 'accuracy' };

/** How often the model is right at each probability that it predicts; null for runs of versions without the figures. */
export function reliabilityChart({ reliability }: Pick<Evaluation, 'reliability'>): Content {
  if (reliability.length === 0) return null;
  return chart({
    id: 'reliability',
    title: 'Accuracy at each predicted probability',
    description: descriptionOf(reliability),
    note: html`Images in 15 bins by the probability of their likeliest class. Below the diagonal the model is too sure, above it not sure
enough. The table has the number of images, and in parentheses the 95 % confidence interval in %.`,
    x: PROBABILITY,
    y: ACCURACY,
    series: [
      {
        name: 'model',
        points: reliability.map(({ confidence, accuracy, count: number }) => ({
          x: confidence,
          y: accuracy,
          text: `${shareText(accuracy, number)} of ${images(number)}`,
        })),
      },
      {
        name: 'perfectly calibrated',
        points: [
          { x: 0, y: 0 },
          { x: 1, y: 1 },
        ],
      },
    ],
  });
}

function descriptionOf(reliability: Evaluation['reliability']): string {
  const texts = reliability.map(
    (bin) => `${percent(bin.accuracy)} of ${images(bin.count)} at ${percent(bin.confidence)}`,
  );
  return `Fraction that is classified correctly, at the mean predicted probability: ${texts.join(', ')}.`;
}
