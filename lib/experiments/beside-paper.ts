import { count, duration } from '../support/format.ts';
import { shareText } from '../support/interval.ts';
import { PAPER, type PaperFigures } from './paper.ts';
import type { RunResults } from './results.ts';

/** The measures by which the paper compares trainings. */
export interface Measures {
  /** Fraction; null, as the loss, if no epoch ended. */
  accuracy: number | null;
  /** Number of images of which the accuracy is a fraction. */
  images: number;
  loss: number | null;
  seconds: number;
  trainableParameters: number;
}

/** Name and text of each measure. */
export const MEASURES: ReadonlyArray<{
  key: Exclude<keyof Measures, 'images'>;
  name: string;
  text: (value: number, measures: Measures) => string;
}> = [
  {
    key: 'accuracy',
    name: 'validation accuracy',
    text: (accuracy, { images }) => shareText(accuracy, images),
  },
  { key: 'loss', name: 'validation loss', text: (loss) => loss.toFixed(4) },
  { key: 'seconds', name: 'time', text: duration },
  { key: 'trainableParameters', name: 'trainable parameters', text: count },
];

/** Measures of a run; of a cross-validated one those over all images, each judged by a model that has not seen it. */
export function measuresOf({
  best,
  seconds,
  trainableParameters,
  dataset,
  folds,
}: Pick<RunResults, 'best' | 'seconds' | 'trainableParameters' | 'dataset' | 'folds'>): Measures {
  return {
    accuracy: folds?.outOfFold.accuracy ?? best?.validAccuracy ?? null,
    images: folds?.outOfFold.count ?? dataset.valid,
    loss: folds?.outOfFold.loss ?? best?.validLoss ?? null,
    seconds: seconds.total + (folds?.folds ?? []).reduce((sum, fold) => sum + fold.seconds, 0),
    trainableParameters,
  };
}

/** Measures that the paper reports for an experiment. */
export function paperMeasures(paper: PaperFigures): Measures {
  const { validAccuracy, validLoss, minutes, trainableParameters } = paper;
  return {
    accuracy: validAccuracy,
    images: PAPER.validCount,
    loss: validLoss,
    seconds: minutes * 60,
    trainableParameters,
  };
}

/** Text of a measure, `-` if it is missing. */
export function measureText(measures: Measures, { key, text }: (typeof MEASURES)[number]): string {
  const value = measures[key];
  return value === null ? '-' : text(value, measures);
}

/** Settings in which a run differs from the paper: name, value here, value there. */
export function differencesOf(
  {
    dataset,
    weights,
    imageSize,
    epochs,
    hardware,
    device,
  }: Pick<RunResults, 'dataset' | 'weights' | 'imageSize' | 'epochs' | 'hardware' | 'device'>,
  paper: PaperFigures,
): string[][] {
  const images = (train: number, valid: number) => `${count(train)} + ${count(valid)} images`;
  const learnt = weights.trainedOn ? ` (${weights.trainedOn})` : '';
  const conditions = [
    [
      'data',
      `${dataset.name}, ${images(dataset.train, dataset.valid)}`,
      `CIFAR-10, ${images(PAPER.trainCount, PAPER.validCount)}`,
    ],
    ['weights', weights.source + learnt, paper.weights],
    ['size', `${imageSize}x${imageSize}`, `${PAPER.imageSize}x${PAPER.imageSize}`],
    ['epochs', String(epochs.length), String(PAPER.epochs)],
    ['hardware', device === 'cpu' ? hardware : `${hardware} (${device})`, 'not said'],
  ];
  return conditions.filter(([, here, there]) => here !== there);
}
