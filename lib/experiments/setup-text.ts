import type { ClassCount, TrainingCount } from '../data/class-counts.ts';
import { leftOutTexts } from '../data/left-out.ts';
import { flagOf } from '../options/index.ts';
import { count } from '../support/format.ts';
import type { Recommendation } from './recommend.ts';
import type { RunSetup } from './results.ts';
import type { StageSetup } from './stage-setups.ts';

/** Which images are used, in one line. */
export function dataText(
  data: Pick<RunSetup['dataset'], 'name' | 'source' | 'train' | 'valid' | 'validation'>,
): string {
  const images = `${count(data.train)} training and ${count(data.valid)} validation images`;
  return `${data.name} (${data.source}), ${images} (${data.validation})`;
}

/** More classes are told of by their number, the smallest and the largest. */
const MOST_NAMED = 20;

/** Which classes there are, with their images. */
export function classesText(counts: readonly ClassCount[]): string {
  const number = count(counts.length);
  if (counts.length <= MOST_NAMED) {
    const named = counts.map(({ name, train, valid }) => `${name} ${count(train)}+${count(valid)}`);
    return `${number} (training + validation images): ${named.join(', ')}`;
  }
  return (
    `${number}, each of ${rangeText(counts, ({ train }) => train)} training ` +
    `and ${rangeText(counts, ({ valid }) => valid)} validation images; results.json lists them`
  );
}

/** Which classes there are, with those of their images that train. */
export function trainingClassesText(counts: readonly TrainingCount[]): string {
  const number = count(counts.length);
  if (counts.length <= MOST_NAMED) {
    return `${number} (training images): ${counts.map(({ name, train }) => `${name} ${count(train)}`).join(', ')}`;
  }
  return `${number}, each of ${rangeText(counts, ({ train }) => train)} training images`;
}

/** The smallest class and the largest. */
function rangeText<Counted extends TrainingCount>(
  counts: readonly Counted[],
  of: (counted: Counted) => number,
): string {
  const sorted = [...counts].sort((a, b) => of(a) - of(b));
  const [least, most] = [sorted[0] as Counted, sorted.at(-1) as Counted];
  return `${count(of(least))} (${least.name}) to ${count(of(most))} (${most.name})`;
}

/** What lies beside the images and is not used; null where nothing does. */
export function leftOutText(leftOut: RunSetup['dataset']['leftOut']): string | null {
  const texts = leftOutTexts(leftOut);
  return texts.length === 0 ? null : texts.join(', ');
}

/** What was chosen for own images and why, as flags in one line; none where all was given. */
export function chosenText({ options, reason }: Recommendation): string[] {
  const chosen = Object.entries(options).map(([name, value]) => `${flagOf(name) ?? name} ${value}`);
  return chosen.length > 0 ? [`Chosen: ${chosen.join(', ')} (${reason})`] : [];
}

/** Which model it is, in one line. */
export function modelText({
  experiment,
  imageSize,
  trainableParameters,
  totalParameters,
  stages,
}: Pick<
  RunSetup,
  'experiment' | 'imageSize' | 'trainableParameters' | 'totalParameters' | 'stages'
>): string {
  const when = stages.length > 1 ? `, in ${stages.length} stages` : '';
  const trained = `${count(trainableParameters)} of ${count(totalParameters)} parameters train${when}`;
  return `${experiment} at ${imageSize}x${imageSize}, ${trained}`;
}

/** How a stage trains, in one line. */
export function settingsText({
  optimizer,
  learningRate = 0,
  layerLearningRates = {},
  schedule,
}: StageSetup): string {
  return `${optimizer}, ${ratesText([learningRate, ...Object.values(layerLearningRates)])}, schedule ${schedule}`;
}

function ratesText(rates: readonly number[]): string {
  const [lowest, highest] = [Math.min(...rates), Math.max(...rates)].map((rate) => rate.toPrecision(3));
  const shown = (rate = '') => String(Number(rate));
  return lowest === highest
    ? `learning rate ${shown(lowest)}`
    : `learning rates ${shown(lowest)} to ${shown(highest)}`;
}

/** What trains in a stage and how, in one line. */
export function stageText(stage: StageSetup): string {
  const epochs = `${count(stage.epochs)} ${stage.epochs === 1 ? 'epoch' : 'epochs'}`;
  return `${epochs}, ${count(stage.trainableParameters)} parameters train, ${settingsText(stage)}`;
}

/** Which weights a backbone starts from, in one line. */
export function weightsText(weights: RunSetup['weights']): string {
  if (weights.sha256 === null) return `${weights.source}, drawn from the seed`;
  const learnt = weights.trainedOn
    ? `trained on ${weights.trainedOn}`
    : 'the file does not say what they learnt from';
  return `${weights.source}, ${learnt} (SHA-256 ${weights.sha256})`;
}
