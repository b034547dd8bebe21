import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DenseNet121 } from '../../lib/densenet121.ts';
import type { FitOptions } from '../../lib/training/fit.ts';
import { program } from '../cli/torch-tl.ts';
import { smallData, smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describe('DenseNet121.fit', () => {
  test('gives every epoch, the best of them, and why it stopped', async () => {
    const { model, train, valid } = await frozenModel();
    const run = model.fit(train, { valid, epochs: 4, learningRate: 0.01 });
    const seen: number[] = [];
    for await (const { epoch } of run) seen.push(epoch);
    const { best, epochs, stoppedBecause, seconds, imagesPerSecond } = await run.result;
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(epochs.map(({ epoch }) => epoch)).toEqual(seen);
    expect(best.validAccuracy).toBe(Math.max(...epochs.map(({ validAccuracy }) => validAccuracy)));
    expect(stoppedBecause).toBe('epochs');
    expect(seconds.total).toBeGreaterThanOrEqual(seconds.training);
    expect(imagesPerSecond).toBeGreaterThan(0);
    expect(epochs[3]?.trainLoss).toBeLessThan(epochs[0]?.trainLoss ?? 0);
  });

  test('leaves the weights of the best epoch in the model', async () => {
    const { model, train, valid } = await frozenModel();
    const best = join(temporaryDirectory(), 'best.safetensors');
    await model.fit(train, { valid, epochs: 5, learningRate: 0.1 }).result;
    await model.saveBest(best);
    expect(readFileSync(best).equals(await savedBytes(model))).toBe(true);
  });

  test('tells of features, batches and best epochs', async () => {
    const { model, train, valid } = await frozenModel();
    const events: string[] = [];
    await model.fit(train, {
      valid,
      epochs: 1,
      batchSize: 8,
      onFeatures: ({ done, total }) => events.push(`features ${done}/${total}`),
      onBatch: ({ epoch, batch, batches }) => events.push(`batch ${epoch} ${batch}/${batches}`),
      onBest: ({ epoch }) => events.push(`best ${epoch}`),
    }).result;
    expect(events).toContain('features 36/36');
    expect(events).toContain('batch 1 3/3');
    expect(events.at(-1)).toBe('best 1');
  });

  test('stops early when the validation loss falls no more', async () => {
    const { model, train, valid } = await frozenModel();
    const { stoppedBecause, epochs } = await model.fit(train, {
      valid,
      epochs: 50,
      earlyStoppingPatience: 2,
      earlyStoppingMinDelta: 1000,
    }).result;
    expect(stoppedBecause).toBe('early-stopping');
    expect(epochs).toHaveLength(3);
  });

  test('trains in the stages of a recipe, one after another', async () => {
    const { model, train, valid } = await frozenModel();
    const { epochs } = await model.fit(train, { valid, epochs: 4, recipe: 'gradual', learningRate: 0.01 })
      .result;
    expect(epochs.map(({ epoch, stage, lr }) => [epoch, stage, lr])).toEqual([
      [1, 1, 0.01],
      [2, 2, 0.01],
      [3, 3, expect.closeTo(1e-4, 10)],
      [4, 3, expect.closeTo(1e-4, 10)],
    ]);
    expect(await model.describe()).toMatchObject({ frozenParameters: 0 });
  });

  test('trains what is not frozen, and keeps the features of a backbone frozen so', async () => {
    const { train, valid } = await smallData();
    const model = await smallModel();
    let seen = 0;
    const freeze = [{ through: 'denseblock4' }, /norm5$/];
    await model.fit(train, { valid, freeze, epochs: 1, onFeatures: ({ done }) => (seen = done) }).result;
    expect(seen).toBe(train.count + valid.count);
    expect(await model.describe()).toMatchObject({ trainableParameters: 10_250 });
  });

  test("rejects iterating and result with the signal's reason on an abort, and can train again", async () => {
    const { model, train, valid } = await frozenModel();
    const controller = new AbortController();
    const reason = new Error('enough');
    const run = model.fit(train, { ...endless(valid), signal: controller.signal });
    const iterating = (async () => {
      for await (const { epoch } of run) if (epoch === 2) controller.abort(reason);
    })();
    await expect(iterating).rejects.toBe(reason);
    await expect(run.result).rejects.toBe(reason);
    expect((await model.fit(train, { valid, epochs: 1 }).result).epochs).toHaveLength(1);
  });

  test('rejects with what a callback threw', async () => {
    const { model, train, valid } = await frozenModel();
    const mistake = new Error('a mistake');
    const onBatch = () => {
      throw mistake;
    };
    await expect(model.fit(train, { ...endless(valid), onBatch }).result).rejects.toBe(mistake);
  });

  test.each<[string, object, string]>([
    ['a misspelt option', { epoch: 3 }, "There is no option 'epoch'; did you mean 'epochs'?"],
    ['a batch of one', { batchSize: 1 }, 'batchSize must be an integer from 2 to 1000000, not 1'],
    ['an unknown layer', { freeze: 'denseblok4' }, "did you mean 'denseblock4'?"],
    ['an unknown class', { classWeights: { dgo: 2 } }, "did you mean 'dog'?"],
    ['no validation set', { valid: undefined }, 'valid must be a Dataset, or null, not undefined'],
    ['a signal that is none', { signal: true }, 'signal must be an AbortSignal, not true'],
    ['a callback that is none', { onBatch: 'log' }, "onBatch must be a function, not 'log'"],
  ])('refuses %s before anything is queued', async (_, wrong, message) => {
    const { model, train, valid } = await frozenModel();
    expect(() => model.fit(train, { valid, ...wrong } as FitOptions)).toThrow(message);
    expect(await model.describe()).toBeDefined();
  });

  test("refuses data of other classes than the model's", async () => {
    const { train, valid } = await smallData();
    const model = await smallModel({ classes: ['cat', 'dog'] });
    expect(() => model.fit(train, { valid })).toThrow("are not the model's (cat, dog)");
    expect(() => model.fit({} as never, { valid })).toThrow('train must be a Dataset');
  });
});

describe('a program', () => {
  const SETUP = `
    import { Dataset, DenseNet121 } from 'torch-tl';
    const { train, valid } = await Dataset.cifar10('sample', { train: 20, valid: 10 });
    const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: 32 });
    model.freeze();
    const controller = new AbortController();
    const options = { valid, epochs: 1e6, earlyStoppingPatience: 'off', signal: controller.signal };
    const run = model.fit(train, options);
  `;

  test('that only iterates an aborted run hears of it once, with no unhandled rejection', async () => {
    const { code, stdout, stderr } = await runProgram(`${SETUP}
      try {
        for await (const { epoch } of run) if (epoch === 2) controller.abort(new Error('enough'));
      } catch (error) {
        console.log(error.message);
      }
    `);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'enough\n', stderr: '' });
  });

  test('that neither iterates nor awaits a failing run is told by Node', async () => {
    const { code, stderr } = await runProgram(`${SETUP}
      setTimeout(() => controller.abort(new Error('nobody listens')), 500);
    `);
    expect(code).toBe(1);
    expect(stderr).toContain('nobody listens');
  });

  test('ends by itself when its training has ended, disposed of or not', async () => {
    const { code, stdout } = await runProgram(`
      import { Dataset, DenseNet121 } from 'torch-tl';
      const { train, valid } = await Dataset.cifar10('sample', { train: 20, valid: 10 });
      const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: 32 });
      console.log((await model.fit(train, { valid, epochs: 1 }).result).epochs.length);
    `);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '1\n' });
  });
});

async function frozenModel() {
  const model = await smallModel();
  model.freeze();
  return { model, ...(await smallData()) };
}

function endless(valid: FitOptions['valid']): FitOptions {
  return { valid, epochs: 1_000_000, earlyStoppingPatience: 'off' };
}

function runProgram(text: string) {
  return program(text, { cwd: temporaryDirectory() });
}

async function savedBytes(model: DenseNet121): Promise<Buffer> {
  const path = join(temporaryDirectory(), 'model.safetensors');
  await model.save(path);
  return readFileSync(path);
}
