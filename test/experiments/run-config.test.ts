import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  finishedResults,
  type RunConfig,
  readRunConfig,
  requireSameWeights,
  resumedOptions,
  withAbsolutePaths,
} from '../../lib/experiments/run-config.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const EARLIER: RunConfig = {
  experiment: 'finetune',
  options: { data: resolve('flowers'), epochs: 2, learningRate: 1e-3, freeze: ['denseblock1'] },
  weights: { sha256: 'a' },
};

const goOn = (given: Record<string, unknown>, experiment = 'finetune') =>
  resumedOptions('run', EARLIER, experiment, given);

const MISMATCH = (message: string) =>
  expect.objectContaining({ name: 'InputError', code: 'CHECKPOINT_MISMATCH', message });

describe('resumedOptions', () => {
  test('keeps what is not given', () => {
    expect(goOn({})).toEqual(EARLIER.options);
  });

  test('takes the epochs, threads, kernels and device that are given, and the directory', () => {
    const given = { epochs: 5, threads: 1, kernels: 'libtorch', device: 'cpu', out: 'run' };
    expect(goOn(given)).toEqual({ ...EARLIER.options, ...given });
  });

  test('takes options that are as they were, paths from the working directory too', () => {
    expect(goOn({ learningRate: 1e-3, freeze: ['denseblock1'], data: 'flowers' })).toMatchObject({
      learningRate: 1e-3,
    });
  });

  test('refuses one that is not, by its name, its flag and both values', () => {
    expect(() => goOn({ epochs: 5, learningRate: 1e-2 })).toThrow(
      MISMATCH(
        `Cannot resume the run in ${resolve('run')}: its learningRate was 0.001 and is now 0.01. ` +
          'Leave it as it was, or start a new run.',
      ),
    );
  });

  test('refuses one that the run did not have', () => {
    expect(() => goOn({ limitTrain: 7 })).toThrow(
      MISMATCH(expect.stringContaining('its limitTrain was not set and is now 7')),
    );
  });

  test('refuses another experiment', () => {
    expect(() => goOn({}, 'base')).toThrow(
      MISMATCH(expect.stringContaining('its experiment was "finetune" and is now "base"')),
    );
  });
});

describe('requireSameWeights', () => {
  test('takes the same weights, and none of a run that names none', () => {
    requireSameWeights('run', EARLIER, 'a');
    requireSameWeights('run', { ...EARLIER, weights: { sha256: null } }, null);
    requireSameWeights('run', { ...EARLIER, weights: undefined }, 'b');
  });

  test('refuses a file that has changed', () => {
    expect(() => requireSameWeights('run', EARLIER, 'b')).toThrow(
      MISMATCH(expect.stringContaining('SHA-256')),
    );
  });
});

describe('withAbsolutePaths', () => {
  test('resolves what names files, and leaves names', () => {
    const names = { data: 'auto', weights: 'tiny-imagenet-distilled', featureCache: true };
    expect(withAbsolutePaths(names)).toEqual(names);
    expect(
      withAbsolutePaths({ data: 'flowers', weights: 'w.safetensors', featureCache: 'cache', out: 'run' }),
    ).toEqual({
      data: resolve('flowers'),
      weights: resolve('w.safetensors'),
      featureCache: resolve('cache'),
      out: resolve('run'),
    });
    expect(withAbsolutePaths({ epochs: 3 })).toEqual({ epochs: 3 });
  });
});

describe('readRunConfig', () => {
  test('gives experiment and options', async () => {
    const file = join(temporaryDirectory(), 'config.json');
    writeFileSync(file, JSON.stringify({ formatVersion: 1, ...EARLIER, classes: [] }));
    expect(await readRunConfig(file)).toEqual({ formatVersion: 1, ...EARLIER });
  });

  test('gives null where there is no file', async () => {
    expect(await readRunConfig(join(temporaryDirectory(), 'config.json'))).toBeNull();
  });

  test.each<[string, string, string]>([
    ['no JSON', '{', 'it is not JSON'],
    ['a list', '[]', "is not a run's"],
    ['of another version', '{"formatVersion":2,"experiment":"base","options":{}}', "'formatVersion'"],
    ['without options', '{"formatVersion":1,"experiment":"base"}', "'options'"],
  ])('refuses one that is %s', async (_, content, message) => {
    const file = join(temporaryDirectory(), 'config.json');
    writeFileSync(file, content);
    await expect(readRunConfig(file)).rejects.toThrow(
      expect.objectContaining({ code: 'RUN_INVALID', message: expect.stringContaining(message) }),
    );
    await expect(readRunConfig(file)).rejects.toThrow(file);
  });

  test('says why a file cannot be read', async () => {
    const file = join(temporaryDirectory(), 'config.json');
    mkdirSync(file);
    await expect(readRunConfig(file)).rejects.toThrow(expect.objectContaining({ code: 'FILE_UNREADABLE' }));
  });
});

describe('finishedResults', () => {
  const epochs = [
    { epoch: 1, stage: 1 },
    { epoch: 2, stage: 1 },
  ];

  test.each([
    ['all epochs', { stoppedBecause: 'epochs', epochs }, 2],
    ['more than are now asked for', { stoppedBecause: 'epochs', epochs }, 1],
    ['as many as early stopping let it', { stoppedBecause: 'early-stopping', epochs }, 9],
  ])('gives those of a run that trained %s', async (_, results, asked) => {
    expect(await finishedResults(runWith(results), [{ epochs: asked }])).toEqual(results);
  });

  test.each([
    ['was aborted', { stoppedBecause: 'aborted', epochs }, 2],
    ['failed', { stoppedBecause: 'failed', epochs }, 2],
    ['has epochs left', { stoppedBecause: 'epochs', epochs }, 3],
  ])('gives null for one that %s', async (_, results, asked) => {
    expect(await finishedResults(runWith(results), [{ epochs: asked }])).toBeNull();
  });

  test('counts the epochs of the last stage: those before may have stopped early', async () => {
    const stages = [{ epochs: 5 }, { epochs: 1 }];
    const run = runWith({ stoppedBecause: 'epochs', epochs: [...epochs, { epoch: 3, stage: 2 }] });
    expect(await finishedResults(run, stages)).not.toBeNull();
    expect(await finishedResults(run, [{ epochs: 5 }, { epochs: 2 }])).toBeNull();
  });

  test('gives null where there are none', async () => {
    expect(await finishedResults(temporaryDirectory(), [{ epochs: 1 }])).toBeNull();
  });

  function runWith(results: object): string {
    const run = temporaryDirectory();
    writeFileSync(join(run, 'results.json'), JSON.stringify(results));
    return run;
  }
});
