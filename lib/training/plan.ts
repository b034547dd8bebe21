import type {
  AugmentationOptions,
  OptimizerOptions,
  ScheduleOptions,
  StageOptions,
} from '../engine/native-training.ts';
import { InputError } from '../errors.ts';
import { augmentationOf, type Monitor, type Stage, type TrainingOptions } from '../options/index.ts';
import { matchedPart, selectLayers } from '../options/layer-selection.ts';
import { isSameName, repeatedNames } from '../support/names.ts';
import { nearest } from '../support/nearest.ts';
import { stagesOf } from './recipes.ts';
import { layersToTrain } from './trained-layers.ts';

/** A training as the engine takes it: options resolved for a model and its data. */
export interface TrainingPlan {
  batchSize: number;
  seed: number;
  stages: PlannedStage[];
  /** Maximum norm of all gradients as one vector; null does not clip. */
  clipNorm: number | null;
  gradientAccumulationSteps: number;
  labelSmoothing: number;
  /** One weight per class, in the order of the classes; null weighs all classes equally. */
  classWeights: number[] | null;
  emaDecay: number | null;
  /** null: accuracy decides the best epoch, and the rest watches the loss. */
  monitor: Monitor | null;
  augmentation: AugmentationOptions | null;
}

/** A stage without the names of its feature files. */
export type PlannedStage = Omit<StageOptions, 'featureKeys'>;

/** The model's layers and the data that a plan is made for. */
export interface Trained {
  /** Names of the model's leaf layers with tensors, in the order of the forward pass. */
  leafNames: readonly string[];
  classes: readonly string[];
  /** Class index of each training image. */
  labels: Iterable<bigint>;
}

type StageFields = Omit<TrainingOptions, 'recipe'>;

/**
 * Resolves a training's options for a model and its data.
 *
 * @param options checked options
 * @throws InputError `INVALID_ARGUMENT` for unknown layers or classes, a stage that trains no layer, or too few epochs
 *   for the recipe
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
    monitor: options.monitor ?? null,
    augmentation: augmentationOf(options.augmentation),
  };
}

/** Options of the training, overridden by those of the stage. */
function withStage(options: TrainingOptions, stage: Stage): StageFields {
  const set = Object.entries(stage).filter(([, value]) => value !== undefined);
  return { ...options, ...Object.fromEntries(set) };
}

function stagePlan(options: StageFields, where: string, leafNames: readonly string[]): PlannedStage {
  const { epochs, learningRate, earlyStoppingPatience: patience, earlyStoppingMinDelta: minDelta } = options;
  const trainable = layersToTrain(options.freeze, leafNames, where);
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

/** Layers of each learning rate. If several names match a layer, the most specific name counts. */
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

/**
 * The name that matches the smallest group around the leaf; a plain name is preferred to an equally specific pattern.
 */
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

/** images / (classes * images of the class), as scikit-learn's `balanced`. */
function balancedWeights({ classes, labels }: Trained): number[] {
  const counts = classes.map(() => 0);
  for (const label of labels) counts[Number(label)] = (counts[Number(label)] as number) + 1;
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count, index) => {
    if (count > 0) return total / (classes.length * count);
    throw new InputError(
      'INVALID_ARGUMENT',
      `classWeights cannot be balanced: there is no training image of '${classes[index]}'. ` +
        'Add images of that class, or give the weights by class.',
    );
  });
}

function givenWeights(weights: Record<string, number>, classes: readonly string[]): number[] {
  for (const name of Object.keys(weights)) {
    if (classes.some((known) => isSameName(known, name))) continue;
    const suggestion = nearest(name, classes);
    const hint = suggestion ? `did you mean '${suggestion}'?` : `the classes are ${classes.join(', ')}.`;
    throw new InputError(
      'INVALID_ARGUMENT',
      `classWeights names '${name}', which is not a class of the data; ${hint}`,
    );
  }
  const [twice] = repeatedNames(Object.keys(weights));
  if (twice) {
    throw new InputError('INVALID_ARGUMENT', `classWeights names the class '${twice[0]}' more than once.`);
  }
  return classes.map((name) => Object.entries(weights).find(([given]) => isSameName(given, name))?.[1] ?? 1);
}
