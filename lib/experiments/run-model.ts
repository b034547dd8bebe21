import { type ListedDatasets, listDatasets } from '../data/open-datasets.ts';
import { DenseNet121 } from '../densenet121.ts';
import { DEFAULT_WEIGHTS, type RunOptions } from '../options/index.ts';
import { type TrainingPlan, trainingPlan } from '../training/plan.ts';
import { stagesOf } from '../training/recipes.ts';
import type { RunSetup } from './results.ts';
import { initOf, type RunDefinition } from './run-definition.ts';
import type { DecodingEvent } from './run-events.ts';
import { everTrained, stageSetups } from './stage-setups.ts';

/*
 * The images and the model of a run, and of a learning-rate search.
 */

/** Lists the images of `--data`; those of folders and lists are decoded when they are opened. */
export function listRunImages(
  {
    data,
    imageSize,
    resize,
    limitTrain,
    limitValid,
    valid,
    folds,
    skipCorrupt,
    imageCache,
    seed,
  }: RunOptions,
  signal: AbortSignal,
  onEvent: (event: DecodingEvent) => void,
): Promise<ListedDatasets> {
  const started = performance.now();
  return listDatasets(data, {
    imageSize,
    resize,
    limits: { train: limitTrain, valid: limitValid },
    validation: folds === undefined ? valid : 'folds',
    skipCorrupt,
    imageCache,
    seed,
    signal,
    onProgress: (done, total) =>
      onEvent({ type: 'decoding', done, total, seconds: (performance.now() - started) / 1000 }),
    onDecoded: (report) => onEvent({ type: 'decoded', ...report }),
  });
}

/** The model of a run. Its backbone is frozen only where neither options nor recipe say what is: `fit` applies those. */
export async function createRunModel(
  definition: RunDefinition,
  options: RunOptions,
  { classes, resize }: ListedDatasets,
  { device, signal }: { device: string; signal: AbortSignal },
): Promise<DenseNet121> {
  const { imageSize, seed, weights = DEFAULT_WEIGHTS } = options;
  const model = await DenseNet121.create({
    weights: initOf(definition, options) === 'random' ? null : weights,
    head: options.head ?? definition.head,
    classes,
    imageSize,
    resize: resize ?? 'cover',
    seed,
    device,
    signal,
  });
  const isOpen = (stagesOf(options)[0]?.freeze ?? options.freeze) === undefined;
  if (isOpen && definition.frozenBackbone) model.freeze();
  return model;
}

/**
 * What the options make train.
 *
 * @throws InputError `INVALID_ARGUMENT` for layers or classes that do not exist
 */
export function planOf(model: DenseNet121, options: RunOptions, labels: BigInt64Array): TrainingPlan {
  const plan = trainingPlan(options, { leafNames: model.layers.names, classes: model.classes, labels });
  model.layers.requireAny(plan.stages[0]?.trainable ?? null);
  return plan;
}

export type ModelSetup = Pick<
  RunSetup,
  | 'experiment'
  | 'init'
  | 'weights'
  | 'imageSize'
  | 'batchSize'
  | 'seed'
  | 'trainableParameters'
  | 'totalParameters'
  | 'stages'
  | 'classWeights'
  | 'monitor'
>;

/** The model's part of a run's record, with the options that say most about the training. */
export async function describeRunModel(
  definition: RunDefinition,
  options: RunOptions,
  model: DenseNet121,
  labels: BigInt64Array,
): Promise<ModelSetup> {
  const { totalParameters, layers } = await model.describe();
  const { imageSize, batchSize, seed } = options;
  const { source = 'random', sha256 = null, trainedOn = null } = model.weights ?? {};
  const plan = planOf(model, options, labels);
  return {
    experiment: definition.name,
    init: initOf(definition, options),
    weights: { source, sha256, trainedOn },
    imageSize,
    batchSize,
    seed,
    trainableParameters: everTrained(plan, layers),
    totalParameters,
    stages: stageSetups(options, plan, layers),
    monitor: plan.monitor,
    classWeights: plan.classWeights && byName(model.classes, plan.classWeights),
  };
}

function byName(names: readonly string[], numbers: readonly number[]): Record<string, number> {
  return Object.fromEntries(names.map((name, index) => [name, numbers[index] as number]));
}
