import { describe, expect, test } from 'vitest';
import { crossValidate } from '../../lib/experiments/cross-validate.ts';
import { checkOptions, trainingOptions } from '../../lib/options/index.ts';
import { requireUsed, settingsInEffect, unusedNames, withoutUnused } from '../../lib/training/effects.ts';
import { smallData, smallModel } from '../support/small-data.ts';

type Given = Parameters<typeof trainingOptions.parse>[0] & object;

const refuse = (given: Given) => () => requireUsed(given, checkOptions(trainingOptions, given));

describe('an option that would have no effect', () => {
  test.each<[string, Given, string]>([
    ["SGD's with Adam", { momentum: 0.5 }, 'momentum would have no effect: it needs the optimizer sgd'],
    ['Nesterov with AdamW', { optimizer: 'adamw', nesterov: false }, 'nesterov would have no effect'],
    ['Nesterov without momentum', { optimizer: 'sgd', momentum: 0, nesterov: true }, 'a momentum above 0'],
    ["Adam's with SGD", { optimizer: 'sgd', beta1: 0.5 }, 'it needs the optimizer adam or adamw'],
    ["Adam's second with SGD", { optimizer: 'sgd', beta2: 0.5 }, 'beta2'],
    ["Adam's third with SGD", { optimizer: 'sgd', epsilon: 1e-3 }, 'epsilon'],
    ['which layers decay, without decay', { decayNormsAndBiases: true }, 'a weight decay above 0'],
    ['a lowest rate of a constant one', { schedule: 'constant', minLearningRate: 1e-4 }, 'minLearningRate'],
    ['steps of a plateau', { stepEpochs: 3 }, 'it needs the schedule step'],
    ["the step's factor of a plateau", { stepFactor: 0.5 }, 'it needs the schedule step'],
    ['the patience of a plateau with cosine', { schedule: 'cosine', plateauPatience: 3 }, 'plateauPatience'],
    ['the factor of a plateau with cosine', { schedule: 'cosine', plateauFactor: 0.5 }, 'plateauFactor'],
    [
      'how early to stop, never',
      { earlyStoppingPatience: 'off', earlyStoppingMinDelta: 1 },
      'earlyStoppingMinDelta',
    ],
    [
      'a schedule that the recipe has',
      { recipe: 'fine-tune', schedule: 'cosine' },
      "the recipe 'fine-tune' sets it",
    ],
    [
      'rates that the recipe has',
      { recipe: 'fine-tune', layerLearningRates: { conv0: 1 } },
      'layerLearningRates',
    ],
    ['epochs beside stages', { epochs: 3, recipe: [{ epochs: 1 }] }, 'epochs would have no effect'],
    [
      'what every stage sets',
      { optimizer: 'sgd', recipe: [{ epochs: 1, optimizer: 'adam' }] },
      'every stage of the recipe sets it itself',
    ],
    [
      'what a stage does not use itself',
      { recipe: [{ epochs: 1 }, { epochs: 1, momentum: 0.5 }] },
      'recipe[1].momentum would have no effect',
    ],
  ])('is refused: %s', (_, given, message) => {
    expect(refuse(given)).toThrow(message);
  });

  test.each<[string, Given]>([
    ['of a stage that uses it', { momentum: 0.5, recipe: [{ epochs: 1 }, { epochs: 1, optimizer: 'sgd' }] }],
    [
      'where one stage leaves it open',
      { schedule: 'step', recipe: [{ epochs: 1, schedule: 'cosine' }, { epochs: 1 }] },
    ],
    ['that the recipe goes by', { recipe: 'gradual', learningRate: 0.01, epochs: 4 }],
    ['that says what is off', { optimizer: 'sgd', momentum: 0, nesterov: false }],
    ['that is not set', { momentum: undefined, recipe: 'fine-tune', schedule: undefined }],
  ])('is none %s', (_, given) => {
    expect(refuse(given)).not.toThrow();
  });

  test('is refused by fit() and findLearningRate() before anything is done', async () => {
    const [{ train, valid }, model] = [await smallData(), await smallModel()];
    expect(() => model.fit(train, { valid, momentum: 0.5 })).toThrow('momentum would have no effect');
    await expect(model.findLearningRate(train, { nesterov: false })).rejects.toThrow('nesterov would');
  });

  test.each([
    ['resume', { resume: true }],
    ['checkpointMinutes', { checkpointMinutes: 5 }],
  ])('is %s without a place for checkpoints', async (name, options) => {
    const [{ train, valid }, model] = [await smallData(), await smallModel()];
    expect(() => model.fit(train, { valid, ...options })).toThrow(
      `${name} would have no effect: it needs checkpoint`,
    );
  });

  test('is checkpointMinutes of a cross-validation without checkpoints', async () => {
    const { train } = await smallData();
    await expect(crossValidate(train, { checkpointMinutes: 5 })).rejects.toThrow('it needs checkpoints');
  });
});

describe('a warm-up that its stage is too short for', () => {
  test.each<[string, Given, string]>([
    [
      'the training',
      { epochs: 2, warmupEpochs: 5 },
      'warmupEpochs 5 would not end: the training has 2 epochs',
    ],
    [
      "a stage's own",
      { recipe: [{ epochs: 9 }, { epochs: 1, warmupEpochs: 1.5 }] },
      'recipe[1].warmupEpochs 1.5',
    ],
    [
      'a stage',
      { warmupEpochs: 2, recipe: [{ epochs: 9 }, { epochs: 1 }] },
      'stage 2 of the recipe has 1 epoch,',
    ],
    [
      'a named recipe',
      { warmupEpochs: 2, epochs: 8, recipe: 'fine-tune' },
      'stage 1 of the recipe has 1 epoch,',
    ],
  ])('is refused: %s', (_, given, message) => {
    expect(refuse(given)).toThrow(message);
  });

  test.each<[string, Given]>([
    ['the whole training', { epochs: 2, warmupEpochs: 2 }],
    ['a stage that sets none', { warmupEpochs: 2, recipe: [{ epochs: 9 }, { epochs: 1, warmupEpochs: 0 }] }],
  ])('is none over %s', (_, given) => {
    expect(refuse(given)).not.toThrow();
  });

  test('is named by its flag at the command line', () => {
    const atCommandLine = expect.stringMatching(/^--warmup-epochs 5 would not end/);
    expect(refuse({ epochs: 2, warmupEpochs: 5 })).toThrow(expect.objectContaining({ atCommandLine }));
  });
});

test('options without those that have no effect come to the same stages', () => {
  const options = checkOptions(trainingOptions, { recipe: 'fine-tune', epochs: 4 });
  expect(unusedNames(options)).toEqual(
    expect.arrayContaining(['schedule', 'momentum', 'minLearningRate', 'plateauFactor']),
  );
  const used = withoutUnused(options);
  expect(used).not.toHaveProperty('schedule');
  expect(unusedNames(checkOptions(trainingOptions, used)).sort()).toEqual(unusedNames(options).sort());
  const [stage] = [{ epochs: 1, schedule: 'one-cycle', learningRate: 0.5 } as const];
  expect(settingsInEffect(options, stage)).toMatchObject({ schedule: 'one-cycle', learningRate: 0.5 });
  expect(settingsInEffect(options, stage)).not.toHaveProperty('minLearningRate');
});
