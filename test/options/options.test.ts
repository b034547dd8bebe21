import { describe, expect, test } from 'vitest';
import { InputError } from '../../lib/errors.ts';
import {
  augmentationOf,
  checkOptions,
  commandLine,
  experimentOptions,
  featuresOptions,
  runOptions,
  trainingOptions,
} from '../../lib/options/index.ts';

describe('trainingOptions', () => {
  test('have the defaults of the paper', () => {
    expect(checkOptions(trainingOptions, {})).toEqual({
      batchSize: 128,
      epochs: 32,
      seed: 0,
      precision: 'auto',
      kernels: 'auto',
      featureCache: true,
      checkpointMinutes: 10,
      optimizer: 'adam',
      learningRate: 1e-3,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      momentum: 0.9,
      nesterov: true,
      weightDecay: 0,
      decayNormsAndBiases: false,
      gradientAccumulationSteps: 1,
      schedule: 'plateau',
      warmupEpochs: 0,
      minLearningRate: 1e-5,
      stepEpochs: 10,
      stepFactor: 0.1,
      plateauFactor: 0.1,
      plateauPatience: 5,
      earlyStoppingPatience: 15,
      earlyStoppingMinDelta: 1e-5,
      labelSmoothing: 0,
      augmentation: 'none',
      distributed: 'auto',
      joinTimeout: 600,
      collectiveTimeout: 600,
    });
  });

  test.each<[string, unknown, string]>([
    ['batchSize', 1, 'batchSize must be an integer from 2 to 1000000, not 1'],
    ['batchSize', 2.5, 'batchSize must be an integer from 2 to 1000000, not 2.5'],
    ['epochs', 0, 'epochs must be an integer from 1 to 1000000, not 0'],
    ['epochs', '3', "epochs must be an integer from 1 to 1000000, not '3'"],
    ['learningRate', 0, 'learningRate must be a number from 1e-12 to 1000000, not 0'],
    ['learningRate', Number.NaN, 'learningRate must be a number from 1e-12 to 1000000, not NaN'],
    [
      'learningRate',
      Number.POSITIVE_INFINITY,
      'learningRate must be a number from 1e-12 to 1000000, not Infinity',
    ],
    ['plateauFactor', 1, 'plateauFactor must be a number between 0 and 1, not 1'],
    ['plateauFactor', 0, 'plateauFactor must be a number between 0 and 1, not 0'],
    ['plateauPatience', 0, 'plateauPatience must be an integer from 1 to 1000000, not 0'],
    ['minLearningRate', -1, 'minLearningRate must be a number from 0 to 1000000, not -1'],
    ['earlyStoppingPatience', 'never', "an integer from 1 to 1000000, or off, not 'never'"],
    ['earlyStoppingPatience', 0, 'an integer from 1 to 1000000, or off, not 0'],
    ['earlyStoppingMinDelta', null, 'a number from 0 to 1000000, not null'],
    ['seed', -1, 'seed must be an integer from 0 to 4294967295, not -1'],
    ['precision', 'fp16', "precision must be auto, fp32 or bf16, not 'fp16'"],
    ['threads', 0, 'threads must be an integer from 1 to 1024, not 0'],
    ['featureCache', '', "featureCache must be true, false or a directory, not ''"],
    ['checkpointMinutes', 0, 'checkpointMinutes must be a number from 0.000001 to 1000000, or off, not 0'],
    ['optimizer', 'Adam', "optimizer must be adam, adamw or sgd, not 'Adam'"],
    ['beta1', 1, 'beta1 must be a number of at least 0 and less than 1, not 1'],
    ['weightDecay', -1, 'weightDecay must be a number from 0 to 1000000, not -1'],
    ['schedule', 'linear', "constant, cosine, one-cycle, step or plateau, not 'linear'"],
    ['warmupEpochs', -0.5, 'warmupEpochs must be a number from 0 to 1000000, not -0.5'],
    ['clipNorm', 0, 'clipNorm must be a number from 1e-12 to 1000000000000, not 0'],
    ['gradientAccumulationSteps', 0, 'gradientAccumulationSteps must be an integer from 1 to 1000000'],
    ['labelSmoothing', 1, 'labelSmoothing must be a number of at least 0 and less than 1, not 1'],
    ['emaDecay', 1, 'emaDecay must be a number between 0 and 1, not 1'],
    ['classWeights', 'even', "balanced, or a weight for each named class, not 'even'"],
    ['classWeights', { cat: 0 }, 'classWeights.cat must be a number from 1e-9 to 1000000000, not 0'],
    ['layerLearningRates', 1, 'layerLearningRates must be a learning rate for each named layer, not 1'],
    [
      'layerLearningRates',
      { conv0: '1' },
      "layerLearningRates.conv0 must be a number from 1e-12 to 1000000, not '1'",
    ],
    ['freeze', 3, "freeze must be a layer's name or pattern, a RegExp or { through: name }, or a list"],
    ['freeze', ['norm5', ''], "freeze[1] must be a layer's name or pattern"],
    ['freeze', { trough: 'norm5' }, "There is no option 'freeze.trough'; did you mean 'through'?"],
    ['augmentation', 'hard', 'augmentation must be none, light, strong or an object with augmentations'],
    ['augmentation', { mixup: -1 }, 'augmentation.mixup must be a number from 0 to 1000000, not -1'],
    ['augmentation', { mixUp: 1 }, "There is no option 'augmentation.mixUp'; did you mean 'mixup'?"],
    [
      'augmentation',
      { randomErasing: { scale: [0.3, 0.1] } },
      'augmentation.randomErasing.scale must be two numbers from 0.0001 to 1, the smaller first',
    ],
    ['recipe', 'fine', "recipe must be head, fine-tune, gradual or a list of stages, not 'fine'"],
    ['recipe', [], 'recipe must be head, fine-tune, gradual or a list of stages'],
    ['recipe', [{ epochs: 1 }, {}], 'recipe[1].epochs must be an integer from 1 to 1000000, not undefined'],
    ['recipe', [3], 'recipe[0] must be an object, not 3'],
    [
      'recipe',
      [{ epochs: 1 }, { epochs: 1, learningRate: 0 }],
      'recipe[1].learningRate must be a number from 1e-12 to 1000000, not 0',
    ],
    [
      'recipe',
      [{ epochs: 1, learningrate: 0 }],
      "There is no option 'recipe[0].learningrate'; did you mean 'learningRate'?",
    ],
    ['recipe', [{ epoch: 1 }], "There is no option 'recipe[0].epoch'; did you mean 'epochs'?"],
    ['recipe', [{ epochs: 1, seed: 0 }], "There is no option 'recipe[0].seed'; the options are name, epochs"],
  ])('refuse %s of %s', (name, value, message) => {
    expect(() => checkOptions(trainingOptions, { [name]: value })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
    );
  });

  test('let early stopping and checkpoints be off', () => {
    const off = { earlyStoppingPatience: 'off', checkpointMinutes: 'off' };
    expect(checkOptions(trainingOptions, off)).toMatchObject(off);
  });

  test('take layers in every form, and give them as they were given', () => {
    const freeze = ['denseblock4', /norm/, { through: 'transition1' }];
    for (const given of [freeze, [], ...freeze]) {
      expect(checkOptions(trainingOptions, { freeze: given }).freeze).toEqual(given);
    }
  });

  test('fill in no default in a stage', () => {
    const recipe = [{ epochs: 1 }, { epochs: 2, schedule: 'cosine', earlyStoppingPatience: 'off' }];
    expect(checkOptions(trainingOptions, { recipe }).recipe).toEqual(recipe);
  });
});

describe('augmentationOf', () => {
  const of = (augmentation: unknown) =>
    augmentationOf(checkOptions(trainingOptions, { augmentation }).augmentation);

  test('is null for none, which is the default', () => {
    expect(of('none')).toBeNull();
    expect(of(undefined)).toBeNull();
  });

  test('knows the presets', () => {
    expect(of('light')).toMatchObject({ randomCrop: { padding: 0.125 }, horizontalFlip: 0.5, mixup: 0 });
    expect(of('strong')).toMatchObject({
      randomResizedCrop: { scale: [0.35, 1], ratio: [3 / 4, 4 / 3] },
      randomCrop: null,
      colorJitter: { brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.02 },
      randomErasing: { probability: 0.25 },
      mixup: 0.2,
      cutmix: 1,
    });
  });

  test("turns off what is left out, and gives parts torchvision's defaults", () => {
    expect(of({ randomErasing: {}, colorJitter: { hue: 0.5 } })).toEqual({
      randomResizedCrop: null,
      randomCrop: null,
      horizontalFlip: 0,
      colorJitter: { brightness: 0, contrast: 0, saturation: 0, hue: 0.5 },
      randomErasing: { probability: 0.5, scale: [0.02, 0.33], ratio: [0.3, 3.3] },
      mixup: 0,
      cutmix: 0,
    });
  });
});

describe('experimentOptions', () => {
  test('take every device by name and refuse others', () => {
    for (const device of ['auto', 'cpu', 'cuda', 'cuda:0', 'cuda:12']) {
      expect(checkOptions(experimentOptions, { device }).device).toBe(device);
    }
    for (const device of ['gpu', 'cuda:', 'cuda:-1', 'CPU', '']) {
      expect(() => checkOptions(experimentOptions, { device })).toThrow(
        'device must be auto, cpu, cuda or cuda:N',
      );
    }
  });

  test('need images of at least 32 pixels', () => {
    expect(checkOptions(experimentOptions, { imageSize: 32 }).imageSize).toBe(32);
    expect(() => checkOptions(experimentOptions, { imageSize: 31 })).toThrow('imageSize must be an integer');
  });

  test('come out of a second check as they went in', () => {
    const checked = checkOptions(experimentOptions, {
      epochs: 3,
      weights: 'tiny-imagenet-distilled',
      threads: 2,
      freeze: 'backbone',
      recipe: [{ epochs: 1, freeze: [] }],
      augmentation: { randomCrop: {} },
      classWeights: { cat: 2 },
    });
    expect(checkOptions(experimentOptions, checked)).toEqual(checked);
  });
});

describe('checkOptions', () => {
  test('names the nearest option for a misspelt one', () => {
    expect(() => checkOptions(trainingOptions, { epoch: 3 })).toThrow(
      "There is no option 'epoch'; did you mean 'epochs'?",
    );
  });

  test('lists the options where none is near', () => {
    expect(() => checkOptions(trainingOptions, { colour: 3 })).toThrow(
      /There is no option 'colour'; .*batchSize, epochs/,
    );
  });

  test('calls an option what the caller calls it', () => {
    expect(() => checkOptions(trainingOptions, { epochs: 0 }, (name) => `--${name}`)).toThrow(
      '--epochs must be',
    );
  });

  test.each([null, 3, 'epochs'])('refuses %s in place of options', (options) => {
    expect(() => checkOptions(trainingOptions, options)).toThrow(InputError);
  });
});

describe('commandLine', () => {
  test.each([
    ['run', experimentOptions],
    ['features', featuresOptions],
  ])('has a flag of its own for every option of %s', (_, schema) => {
    const declared = Object.values(schema.shape).map((field) => commandLine.get(field));
    expect(declared).not.toContain(undefined);
    const flags = declared.flatMap((option) => [option?.flags, option?.off?.flags].filter(Boolean));
    const names = flags.map((text) => text?.split(' ')[0]);
    expect(new Set(names).size).toBe(names.length);
  });

  test("groups fit()'s options apart from the rest", () => {
    const topics = new Set(Object.values(trainingOptions.shape).map((type) => commandLine.get(type)?.topic));
    expect([...topics].sort()).toEqual(['Optimiser', 'Processes', 'Regularisation', 'Schedule', 'Training']);
    for (const [name, type] of Object.entries(experimentOptions.shape)) {
      if (topics.has(commandLine.get(type)?.topic)) expect(trainingOptions.shape).toHaveProperty(name);
    }
  });
});

test('programs may give null for off, and fill for stretch as sharp does', () => {
  const { earlyStoppingPatience, checkpointMinutes } = checkOptions(trainingOptions, {
    earlyStoppingPatience: null,
    checkpointMinutes: null,
  });
  expect([earlyStoppingPatience, checkpointMinutes]).toEqual(['off', 'off']);
  expect(checkOptions(runOptions, { resize: 'fill' }).resize).toBe('stretch');
});

test('the nearest name is suggested for a misspelt one', () => {
  expect(() => checkOptions(trainingOptions, { optimizer: 'adamm' })).toThrow(
    /not 'adamm'; did you mean 'adam(w)?'\?$/,
  );
});
