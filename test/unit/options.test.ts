import { describe, expect, test } from 'vitest';
import { InputError } from '../../lib/errors.ts';
import {
  checkOptions,
  commandLine,
  experimentOptions,
  featuresOptions,
  trainingOptions,
} from '../../lib/options.ts';

describe('trainingOptions', () => {
  test('have the defaults of the paper', () => {
    expect(checkOptions(trainingOptions, {})).toEqual({
      batchSize: 128,
      epochs: 32,
      learningRate: 1e-3,
      plateauFactor: 0.1,
      plateauPatience: 5,
      minLearningRate: 1e-5,
      earlyStoppingPatience: 15,
      earlyStoppingMinDelta: 1e-5,
      seed: 0,
      precision: 'auto',
      featureCache: true,
    });
  });

  test.each<[string, unknown, string]>([
    ['batchSize', 1, 'batchSize must be an integer of at least 2, not 1 (number)'],
    ['batchSize', 2.5, 'batchSize must be an integer of at least 2, not 2.5 (number)'],
    ['epochs', 0, 'epochs must be an integer of at least 1, not 0 (number)'],
    ['epochs', '3', "epochs must be an integer of at least 1, not '3' (string)"],
    ['learningRate', 0, 'learningRate must be a number above 0, not 0 (number)'],
    ['learningRate', Number.NaN, 'learningRate must be a number above 0, not NaN (number)'],
    [
      'learningRate',
      Number.POSITIVE_INFINITY,
      'learningRate must be a number above 0, not Infinity (number)',
    ],
    ['plateauFactor', 1, 'plateauFactor must be a number between 0 and 1, not 1 (number)'],
    ['plateauFactor', 0, 'plateauFactor must be a number between 0 and 1, not 0 (number)'],
    ['plateauPatience', 0, 'plateauPatience must be an integer of at least 1, not 0 (number)'],
    ['minLearningRate', -1, 'minLearningRate must be a number of at least 0, not -1 (number)'],
    ['earlyStoppingPatience', 'never', "an integer of at least 1, or off, not 'never' (string)"],
    ['earlyStoppingPatience', 0, 'an integer of at least 1, or off, not 0 (number)'],
    ['earlyStoppingMinDelta', null, 'a number of at least 0, not null (object)'],
    ['seed', -1, 'seed must be an integer of at least 0, not -1 (number)'],
    ['precision', 'fp16', "precision must be auto, fp32 or bf16, not 'fp16' (string)"],
    ['threads', 0, 'threads must be an integer of at least 1, not 0 (number)'],
    ['featureCache', 'no', "featureCache must be true or false, not 'no' (string)"],
  ])('refuse %s of %s', (name, value, message) => {
    expect(() => checkOptions(trainingOptions, { [name]: value })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
    );
  });

  test('let early stopping be off', () => {
    expect(checkOptions(trainingOptions, { earlyStoppingPatience: 'off' }).earlyStoppingPatience).toBe('off');
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

  test('need pictures of at least 32 pixels', () => {
    expect(checkOptions(experimentOptions, { imageSize: 32 }).imageSize).toBe(32);
    expect(() => checkOptions(experimentOptions, { imageSize: 31 })).toThrow('imageSize must be an integer');
  });

  test('come out of a second check as they went in', () => {
    const checked = checkOptions(experimentOptions, { epochs: 3, weights: 'tiny-imagenet', threads: 2 });
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
    const flags = declared.map((option) => option?.flags.split(' ')[0]);
    expect(new Set(flags).size).toBe(flags.length);
  });
});
