import type {
  AugmentationOptions,
  OptimizerOptions,
  ScheduleOptions,
  StageOptions,
} from '../engine/native.ts';
import { InputError } from '../errors.ts';
import { augmentationOf, type Stage, type TrainingOptions } from '../options/index.ts';
import { matchedPart, selectLayers } from '../options/layer-selection.ts';
import { isSameName, repeatedNames } from '../support/names.ts';
import { nearest } from '../support/nearest.ts';
import { stagesOf } from './recipes.ts';

/** What a training's options come to for a model and its data, as the engine takes it. */
export interface TrainingPlan {
  batchSize: number;
  seed: number;
  stages: PlannedStage[];
  /** Highest norm of all gradients together. */
  clipNorm: number | null;
  gradientAccumulationSteps: number;
  labelSmoothing: number;
  /** One a class, in the classes' order. */
  classWeights: number[] | null;
  emaDecay: number | null;
  augmentation: AugmentationOptions | null;
}

/** All of a stage but where its features are kept. */
export type PlannedStage = Omit<StageOptions, 'featureKeys'>;

/** What is trained, and on what. */
export interface Trained {
  /** Of the model's layers with tensors, in the network's order. */
  leafNames: readonly string[];
  classes: readonly string[];
  /** Indices into the classes, one a training image. */
  labels: Iterable<bigint>;
}

type StageFields = Omit<TrainingOptions, 'recipe'>;

/**
 * @param options checked
 * @throws InputError `INVALID_ARGUMENT` for layers or classes that are not there, a stage that trains
 *   nothing, or epochs too few for the recipe
 */
export function trainingPlan(options: TrainingOptions, trained: Trained): TrainingPlan {
  const { batchSize, seed, gradientAccumulationSteps, labelSmoothing } = options;
  const stages = stagesOf(options);
  return {
    batchSize,
    seed,
    stages: stages.map((stage, index) => {
      const where = stages.length > 1 ? ` in stage ${index + 1}` : '';
      return stagePlan(withStage(options, stage), where, trained.leafNames);
    }),
    clipNorm: options.clipNorm ?? null,
    gradientAccumulationSteps,
    labelSmoothing,
    classWeights: classWeightsOf(options.classWeights, trained),
    emaDecay: options.emaDecay ?? null,
    augmentation: augmentationOf(options.augmentation),
  };
}

/** The run's options, with what the stage sets in their place. */
function withStage(options: TrainingOptions, stage: Stage): StageFields {
  const set = Object.entries(stage).filter(([, value]) => value !== undefined);
  return { ...options, ...Object.fromEntries(set) };
}

function stagePlan(options: StageFields, where: string, leafNames: readonly string[]): PlannedStage {
  const { epochs, learningRate, earlyStoppingPatience: patience, earlyStoppingMinDelta: minDelta } = options;
  const trainable = trainableLayers(options, where, leafNames);
  return {
    epochs,
    trainable,
    optimizer: optimizerOf(options),
    learningRate,
    layerLearningRates: layerGroups(options.layerLearningRates ?? {}, trainable ?? leafNames, leafNames),
    schedule: scheduleOf(options),
    earlyStopping: patience === 'off' ? null : { patience, minDelta },
  };
}

function trainableLayers(
  { freeze }: StageFields,
  where: string,
  leafNames: readonly string[],
): string[] | null {
  if (freeze === undefined) return null;
  const frozen = new Set(selectLayers(freeze, leafNames));
  const trainable = leafNames.filter((leaf) => !frozen.has(leaf));
  if (trainable.length > 0) return trainable;
  throw new InputError(
    'INVALID_ARGUMENT',
    `freeze leaves no layer to train${where}; freeze fewer, such as backbone, which leaves the head.`,
  );
}

function optimizerOf(options: StageFields): OptimizerOptions {
  const { optimizer: type, beta1, beta2, epsilon, momentum, nesterov, weightDecay } = options;
  const { decayNormsAndBiases } = options;
  return { type, beta1, beta2, epsilon, momentum, nesterov, weightDecay, decayNormsAndBiases };
}

function scheduleOf(options: StageFields): ScheduleOptions {
  const { schedule: type, warmupEpochs, minLearningRate, stepEpochs, stepFactor } = options;
  const { plateauFactor, plateauPatience } = options;
  return { type, warmupEpochs, minLearningRate, stepEpochs, stepFactor, plateauFactor, plateauPatience };
}

/** The layers of each rate; a layer that several names mean goes by the longest. */
function layerGroups(
  rates: Record<string, number>,
  layers: readonly string[],
  leafNames: readonly string[],
): PlannedStage['layerLearningRates'] {
  const names = Object.keys(rates);
  for (const name of names) selectLayers(name, leafNames);
  const nameOf = new Map(layers.map((leaf) => [leaf, closestName(names, leaf)]));
  return names
    .map((name) => ({
      layers: layers.filter((leaf) => nameOf.get(leaf) === name),
      learningRate: rates[name] as number,
    }))
    .filter((group) => group.layers.length > 0);
}

/** The name that means the smallest group that the leaf is in; of equals a plain name before a pattern. */
function closestName(names: string[], leaf: string): string | undefined {
  const length = (name: string) => matchedPart(name, leaf)?.length ?? 0;
  const [closest] = names
    .filter((name) => length(name) > 0)
    .sort((a, b) => length(b) - length(a) || Number(/[*?]/.test(a)) - Number(/[*?]/.test(b)));
  return closest;
}

function classWeightsOf(option: TrainingOptions['classWeights'], trained: Trained): number[] | null {
  if (option === undefined) return null;
  return option === 'balanced' ? balancedWeights(trained) : givenWeights(option, trained.classes);
}

/** scikit-learn's: images / (classes * images of the class). */
function balancedWeights({ classes, labels }: Trained): number[] {
  const counts = classes.map(() => 0);
  for (const label of labels) counts[Number(label)] = (counts[Number(label)] as number) + 1;
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count, index) => {
    if (count > 0) return total / (classes.length * count);
    throw new InputError(
      'INVALID_ARGUMENT',
      `classWeights cannot be balanced: there is no training image of '${classes[index]}'. ` +
        'Add some, or give the weights by class.',
    );
  });
}

function givenWeights(weights: Record<string, number>, classes: readonly string[]): number[] {
  for (const name of Object.keys(weights)) {
    if (classes.some((known) => isSameName(known, name))) continue;
    const suggestion = nearest(name, classes);
    const hint = suggestion ? `did you mean '${suggestion}'?` : `the classes are ${classes.join(', ')}.`;
    throw new InputError('INVALID_ARGUMENT', `classWeights names no class with '${name}'; ${hint}`);
  }
  const [twice] = repeatedNames(Object.keys(weights));
  if (twice) {
    throw new InputError('INVALID_ARGUMENT', `classWeights names the class '${twice[0]}' more than once.`);
  }
  return classes.map((name) => Object.entries(weights).find(([given]) => isSameName(given, name))?.[1] ?? 1);
}
