import { describe, expect, test } from 'vitest';
import { checkOptions, trainingOptions } from '../../lib/options/index.ts';
import { trainingPlan } from '../../lib/training/plan.ts';

const LEAVES = [
  'features.conv0',
  'features.norm0',
  'features.denseblock1.denselayer1.norm1',
  'features.denseblock1.denselayer1.conv1',
  'features.transition1.conv',
  'features.denseblock2.denselayer1.norm1',
  'features.transition2.conv',
  'features.denseblock3.denselayer1.norm1',
  'features.transition3.conv',
  'features.denseblock4.denselayer1.norm1',
  'features.norm5',
  'classifier',
];
const TRAINED = { leafNames: LEAVES, classes: ['cat', 'dog', 'bird'], labels: [0n, 0n, 0n, 1n, 1n, 2n] };

const plan = (options: object, trained = {}) =>
  trainingPlan(checkOptions(trainingOptions, options), { ...TRAINED, ...trained });

describe('trainingPlan', () => {
  test("without options is the paper's training, in one stage that freezes nothing anew", () => {
    expect(plan({})).toEqual({
      batchSize: 128,
      seed: 0,
      stages: [
        {
          epochs: 32,
          trainable: null,
          optimizer: {
            type: 'adam',
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            momentum: 0.9,
            nesterov: true,
            weightDecay: 0,
            decayNormsAndBiases: false,
          },
          learningRate: 1e-3,
          layerLearningRates: [],
          schedule: {
            type: 'plateau',
            warmupEpochs: 0,
            minLearningRate: 1e-5,
            stepEpochs: 10,
            stepFactor: 0.1,
            plateauFactor: 0.1,
            plateauPatience: 5,
          },
          earlyStopping: { patience: 15, minDelta: 1e-5 },
        },
      ],
      clipNorm: null,
      gradientAccumulationSteps: 1,
      labelSmoothing: 0,
      classWeights: null,
      emaDecay: null,
      monitor: null,
      augmentation: null,
    });
  });

  test('hands on what holds for the whole run', () => {
    const options = { clipNorm: 1, gradientAccumulationSteps: 4, labelSmoothing: 0.1, emaDecay: 0.99 };
    expect(plan({ ...options, augmentation: 'light' })).toMatchObject({
      ...options,
      augmentation: { horizontalFlip: 0.5 },
    });
  });
});

describe('a stage', () => {
  test("has the run's options where it sets none", () => {
    const { stages } = plan({
      optimizer: 'sgd',
      learningRate: 0.1,
      earlyStoppingPatience: 'off',
      freeze: 'backbone',
      recipe: [
        { epochs: 2 },
        { epochs: 3, learningRate: 0.01, schedule: 'cosine', freeze: [], earlyStoppingPatience: 2 },
        { epochs: 1, learningRate: undefined },
      ],
    });
    expect(stages).toMatchObject([
      { epochs: 2, learningRate: 0.1, earlyStopping: null, trainable: ['classifier'] },
      { epochs: 3, learningRate: 0.01, earlyStopping: { patience: 2 }, trainable: LEAVES },
      { epochs: 1, learningRate: 0.1, earlyStopping: null, trainable: ['classifier'] },
    ]);
    expect(stages.map(({ schedule }) => schedule.type)).toEqual(['plateau', 'cosine', 'plateau']);
    expect(stages.map(({ optimizer }) => optimizer.type)).toEqual(['sgd', 'sgd', 'sgd']);
  });

  test('trains all that is not frozen, in the order of the network', () => {
    expect(plan({ freeze: ['*.norm1', { through: 'transition3' }] }).stages[0]?.trainable).toEqual([
      'features.norm5',
      'classifier',
    ]);
  });

  test('must train a layer', () => {
    expect(() => plan({ freeze: ['backbone', 'classifier'] })).toThrow('freeze leaves no layer to train.');
    expect(() => plan({ recipe: [{ epochs: 1 }, { epochs: 1, freeze: '*' }] })).toThrow(
      'freeze leaves no layer to train in stage 2.',
    );
  });

  test('names the nearest layer for an unknown one', () => {
    expect(() => plan({ freeze: 'norm6' })).toThrow("The model has no layer 'norm6'; did you mean 'norm");
    expect(() => plan({ layerLearningRates: { clasifier: 1 } })).toThrow("did you mean 'classifier'?");
  });
});

describe('layerLearningRates', () => {
  const groups = (layerLearningRates: object, options = {}) =>
    plan({ layerLearningRates, ...options }).stages[0]?.layerLearningRates;

  test('go by the longest name that means a layer, whatever their order', () => {
    const expected = [
      { layers: ['features.denseblock1.denselayer1.conv1'], learningRate: 2 },
      { layers: LEAVES.filter((leaf) => leaf.endsWith('.norm1')), learningRate: 3 },
      { layers: LEAVES.filter((leaf) => /conv0|norm0|transition|norm5/.test(leaf)), learningRate: 1 },
    ];
    const byName = { denseblock1: 2, '*.norm1': 3, features: 1 };
    expect(groups(byName)).toEqual(expected);
    expect(groups(Object.fromEntries(Object.entries(byName).reverse()))).toEqual(expected.reverse());
  });

  test('prefer a name to a pattern that means the same', () => {
    const block2 = ['features.denseblock2.denselayer1.norm1'];
    expect(groups({ 'denseblock*': 1, denseblock2: 2 })).toContainEqual({ layers: block2, learningRate: 2 });
  });

  test('leave out what the stage freezes', () => {
    expect(groups({ denseblock4: 1, classifier: 2 }, { freeze: 'backbone' })).toEqual([
      { layers: ['classifier'], learningRate: 2 },
    ]);
  });

  test('of fine-tune give every layer one rate', () => {
    const all = plan({ recipe: 'fine-tune' }).stages[1]?.layerLearningRates ?? [];
    expect(all.flatMap(({ layers }) => layers).sort()).toEqual([...LEAVES].sort());
  });
});

describe('classWeights', () => {
  test("balanced are scikit-learn's", () => {
    // sklearn.utils.class_weight.compute_class_weight('balanced', ...) of 3, 2 and 1 images
    expect(plan({ classWeights: 'balanced' }).classWeights).toEqual([6 / 9, 6 / 6, 6 / 3]);
  });

  test('balanced need an image of every class', () => {
    expect(() => plan({ classWeights: 'balanced' }, { labels: [0n, 2n] })).toThrow(
      "there is no training image of 'dog'",
    );
  });

  test('given by name are 1 for the others', () => {
    expect(plan({ classWeights: { dog: 2.5 } }).classWeights).toEqual([1, 2.5, 1]);
  });

  test('name the nearest class for an unknown one', () => {
    expect(() => plan({ classWeights: { brid: 2 } })).toThrow(
      "classWeights names 'brid', which is not a class of the data; did you mean 'bird'?",
    );
  });
});
