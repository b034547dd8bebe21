import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DenseNet121 } from '../../lib/densenet121.ts';
import { suggestLearningRate } from '../../lib/training/learning-rate.ts';
import { pretrainedModel, smallData } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const BUSY = expect.objectContaining({ code: 'MODEL_BUSY' });
const QUICK = { batchSize: 8, steps: 4 };

describe('suggestLearningRate', () => {
  test.each<[string, number[], number | null]>([
    ['the middle of a fall', [5, 4, 3, 2, 1, 9], 2],
    ['the later of two in the middle', [4, 3, 2, 1], 2],
    ['a fall after a rise', [1, 2, 9, 8, 7, 6, 5, 50], 4],
    ['the longer of two falls', [9, 8, 20, 19, 18, 17, 16], 4],
    ['the first of two that are as long', [2, 1, 9, 8], 1],
    ['a fall over small rises', [5, 6, 4, 7, 3, 2], 4],
    ['nothing for losses that only rise', [1, 2, 3], null],
    ['nothing for losses that stay', [3, 3, 3], null],
    ['nothing for one loss', [3], null],
    ['nothing for none', [], null],
  ])('takes %s', (_, losses, place) => {
    const points = losses.map((smoothedLoss, index) => ({
      learningRate: 10 ** (index - 7),
      loss: 0,
      smoothedLoss,
    }));
    expect(suggestLearningRate(points)).toBe(place === null ? null : 10 ** (place - 7));
  });
});

describe('DenseNet121.findLearningRate', () => {
  test('tries rates that rise by the same factor from start to end', async () => {
    const { model, train } = await searched();
    const { points } = await model.findLearningRate(train, {
      batchSize: 8,
      start: 1e-6,
      end: 1e-4,
      steps: 5,
    });
    const rates = points.map(({ learningRate }) => Math.log10(learningRate));
    expect(rates).toHaveLength(5);
    for (const [index, exponent] of [-6, -5.5, -5, -4.5, -4].entries()) {
      expect(rates[index]).toBeCloseTo(exponent, 9);
    }
    expect(points[0]?.smoothedLoss).toBeCloseTo(points[0]?.loss ?? 0, 9);
  });

  test('suggests a rate at which the loss fell, and stops where it runs away', async () => {
    const { model, train } = await searched();
    const { points, suggestion } = await model.findLearningRate(train, {
      batchSize: 8,
      optimizer: 'sgd',
      start: 1e-3,
      end: 1e3,
      steps: 20,
    });
    const losses = points.map(({ smoothedLoss }) => smoothedLoss);
    const lowest = Math.min(...losses);
    expect(points.length).toBeLessThan(20);
    expect(losses.at(-1)).toBeGreaterThan(4 * lowest);
    expect(losses.slice(0, -1).every((loss) => loss <= 4 * lowest)).toBe(true);
    const rates = points.map(({ learningRate }) => learningRate);
    expect(rates).toContain(suggestion);
    expect(suggestion).toBeLessThanOrEqual(rates[losses.indexOf(lowest)] ?? 0);
  });

  test('leaves every bit of the model as it was, and what is frozen', async () => {
    const { model, train } = await searched();
    const before = await stateOf(model);
    await model.findLearningRate(train, { ...QUICK, freeze: [], start: 1e-3 });
    expect(await stateOf(model)).toEqual(before);
  });

  test("leaves it so too where the signal stops the search, with the signal's reason", async () => {
    const { model, train } = await searched();
    const before = await stateOf(model);
    const reason = new Error('enough');
    const controller = new AbortController();
    const search = model.findLearningRate(train, {
      batchSize: 8,
      steps: 10_000,
      start: 1e-5,
      end: 1e-3,
      freeze: [],
      signal: controller.signal,
      onStep: ({ step }) => step >= 2 && controller.abort(reason),
    });
    await expect(search).rejects.toBe(reason);
    expect(await stateOf(model)).toEqual(before);
  });

  test('stops where a callback throws, with what it threw', async () => {
    const { model, train } = await searched();
    const before = await stateOf(model);
    const thrown = new Error('not like this');
    const onStep = () => {
      throw thrown;
    };
    const search = model.findLearningRate(train, { ...QUICK, steps: 10_000, end: 1e-6, onStep });
    await expect(search).rejects.toBe(thrown);
    expect(await stateOf(model)).toEqual(before);
  });

  test('changes nothing in a training after it, and keeps the best weights of the one before', async () => {
    const { model, train, valid } = await searched();
    const untouched = await pretrainedModel();
    untouched.freeze();
    const options = { valid, batchSize: 8, epochs: 2 };
    await untouched.fit(train, options).result;
    await model.findLearningRate(train, { ...QUICK, end: 1e6 });
    await model.fit(train, options).result;
    const expected = await stateOf(untouched);
    expect(await stateOf(model)).toEqual(expected);
    await model.findLearningRate(train, QUICK);
    const best = join(temporaryDirectory(), 'best.safetensors');
    await model.saveBest(best);
    expect(hashOf(best)).toBe(expected.sha256);
  });

  test("goes by the training's options: a layer with a rate of its own keeps its ratio", async () => {
    const { model, train } = await searched();
    const options = { batchSize: 8, start: 1, end: 100, steps: 10, learningRate: 1 };
    const { points } = await model.findLearningRate(train, options);
    expect(points.length).toBeLessThan(10);
    const slow = await model.findLearningRate(train, {
      ...options,
      layerLearningRates: { classifier: 1e-9 },
    });
    expect(slow.points).toHaveLength(10);
  });

  test('tells of features and steps', async () => {
    const { model, train } = await searched();
    const events: string[] = [];
    await model.findLearningRate(train, {
      ...QUICK,
      onFeatures: ({ done, total }) => events.push(`features ${done}/${total}`),
      onStep: ({ step, steps }) => events.push(`step ${step}/${steps}`),
    });
    expect(events).toContain('features 24/24');
    expect(events.at(-1)).toBe('step 4/4');
  });

  test('neither runs beside a training nor lets one run beside it', async () => {
    const { model, train, valid } = await searched();
    const run = model.fit(train, { valid, batchSize: 8, epochs: 1 });
    await expect(model.findLearningRate(train, QUICK)).rejects.toEqual(BUSY);
    await run.result;
    const search = model.findLearningRate(train, QUICK);
    expect(() => model.fit(train, { valid })).toThrow(BUSY);
    expect(() => model.freeze()).toThrow(BUSY);
    await expect(model.findLearningRate(train, QUICK)).rejects.toEqual(BUSY);
    await search;
    await model.fit(train, { valid, batchSize: 8, epochs: 1 }).result;
  });

  test('is stopped by dispose', async () => {
    const { model, train } = await searched();
    const search = model.findLearningRate(train, { ...QUICK, onStep: () => model.dispose(), steps: 1000 });
    await expect(search).rejects.toMatchObject({ code: 'DISPOSED' });
  });

  test.each<[string, object, string]>([
    [
      'an end below the start',
      { start: 1e-3, end: 1e-4 },
      'end must be a learning rate greater than the first',
    ],
    ['one step', { steps: 1 }, 'steps must be an integer from 2 to 10000'],
    ["a training's option that has no meaning here", { epochs: 3 }, "There is no option 'epochs'"],
    ['layers that are not there', { freeze: 'denseblock9' }, 'denseblock9'],
  ])('refuses %s', async (_, options, message) => {
    const { model, train } = await searched();
    await expect(model.findLearningRate(train, options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
  });
});

/** A model of which only the head trains, and images. */
async function searched() {
  const { train, valid } = await smallData();
  const model = await pretrainedModel();
  model.freeze();
  return { model, train, valid };
}

async function stateOf(model: DenseNet121): Promise<{ sha256: string; trainable: string[] }> {
  const path = join(temporaryDirectory(), 'model.safetensors');
  await model.save(path);
  const { layers } = await model.describe();
  const trainable = layers.filter((layer) => layer.trainable).map(({ name }) => name);
  return { sha256: hashOf(path), trainable };
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
