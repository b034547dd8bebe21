import type { ClassCount, TrainingCount } from '../data/class-counts.ts';
import { leftOutTexts } from '../data/left-out.ts';
import { flagOf } from '../options/index.ts';
import { count, listed } from '../support/format.ts';
import type { Recommendation } from './recommend.ts';
import type { ProcessSetup, RunSetup } from './results.ts';
import type { StageSetup } from './stage-setups.ts';

/** One line about the images of a run. */
export function dataText(
  data: Pick<RunSetup['dataset'], 'name' | 'source' | 'train' | 'valid' | 'validation'>,
): string {
  const validated = data.valid > 0 ? ` and ${count(data.valid)} validation` : '';
  const images = `${count(data.train)} training${validated} images`;
  return `${data.name} (${data.source}), ${images} (${data.validation})`;
}

/** Maximum number of classes that are listed by name. */
const MOST_NAMED = 20;

/** Classes with their numbers of training and validation images; of the latter there may be none. */
export function classesText(counts: readonly ClassCount[]): string {
  if (counts.every(({ valid }) => valid === 0)) return trainingClassesText(counts);
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

/** Classes with their numbers of training images. */
export function trainingClassesText(counts: readonly TrainingCount[]): string {
  const number = count(counts.length);
  if (counts.length <= MOST_NAMED) {
    return `${number} (training images): ${counts.map(({ name, train }) => `${name} ${count(train)}`).join(', ')}`;
  }
  return `${number}, each of ${rangeText(counts, ({ train }) => train)} training images`;
}

/** The smallest and the largest class. */
function rangeText<Counted extends TrainingCount>(
  counts: readonly Counted[],
  of: (counted: Counted) => number,
): string {
  const sorted = [...counts].sort((a, b) => of(a) - of(b));
  const [least, most] = [sorted[0] as Counted, sorted.at(-1) as Counted];
  return `${count(of(least))} (${least.name}) to ${count(of(most))} (${most.name})`;
}

/** Files that lie beside the images and are not used; null if there are none. */
export function leftOutText(leftOut: RunSetup['dataset']['leftOut']): string | null {
  const texts = leftOutTexts(leftOut);
  return texts.length === 0 ? null : texts.join(', ');
}

/** The flags that were chosen for the user's own images and why, in one line; none if all were given. */
export function chosenText({ options, reason }: Recommendation): string[] {
  const chosen = Object.entries(options).map(([name, value]) => `${flagOf(name) ?? name} ${value}`);
  return chosen.length > 0 ? [`Chosen: ${chosen.join(', ')} (${reason})`] : [];
}

/** One line about the model. */
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

/** Optimiser, learning rates and schedule of a stage, in one line. */
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

/** Epochs, parameters and settings of a stage, in one line. */
export function stageText(stage: StageSetup): string {
  const epochs = `${count(stage.epochs)} ${stage.epochs === 1 ? 'epoch' : 'epochs'}`;
  return `${epochs}, ${count(stage.trainableParameters)} parameters train, ${settingsText(stage)}`;
}

/** One line about the processes that train together. */
export function processesText(processes: readonly ProcessSetup[]): string {
  const hosts = new Map<string, number>();
  for (const { host } of processes) hosts.set(host, (hosts.get(host) ?? 0) + 1);
  const machines = [...hosts].map(([host, number]) => `${number} on ${host}`);
  return `${processes.length}: ${listed(machines, MOST_NAMED)}`;
}

/** One line about the weights that a backbone starts from. */
export function weightsText(weights: RunSetup['weights']): string {
  if (weights.sha256 === null) return `${weights.source}, drawn from the seed`;
  const learnt = weights.trainedOn
    ? `trained on ${weights.trainedOn}`
    : 'the file does not say what they learnt from';
  return `${weights.source}, ${learnt} (SHA-256 ${weights.sha256})`;
}
