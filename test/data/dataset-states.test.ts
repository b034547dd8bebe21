import { describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import type { DenseNet121 } from '../../lib/densenet121.ts';
import { smallData, smallModel } from '../support/small-data.ts';

/* What each method of a data set promises in each state. A new one fails this until it has a row. */

const METHODS: Record<string, (data: Dataset) => unknown> = {
  split: (data) => data.split(0.5).map((part) => part.dispose()),
  labels: (data) => data.labels,
  requireOpen: (data) => data.requireOpen(),
  share: (data) => data.share().dispose(),
  pixelsAt: (data) => data.pixelsAt(0),
  fileOf: (data) => data.fileOf(0),
  groups: (data) => data.groups,
  check: (data) => data.check(),
  images: (data) => data.images,
  subset: (data) => data.subset([0]).dispose(),
  units: (data) => data.units(),
  imageKeys: (data) => data.imageKeys(),
  onDevice: (data) => data.onDevice('cpu'),
  pixelsSha256: (data) => data.pixelsSha256(),
  dispose: (data) => data.dispose(),
  [String(Symbol.dispose)]: (data) => data[Symbol.dispose](),
};
const ASYNCHRONOUS = ['check', 'imageKeys', 'onDevice', 'pixelsAt', 'pixelsSha256', 'units'];

/** Each brings a data set there, and gives what ends it. */
const STATES: Record<string, (data: Dataset) => Promise<() => Promise<unknown>>> = {
  'that was just made': async () => async () => {},
  'that a training uses': async (data) => training(data),
  'that was disposed of': async (data) => {
    data.dispose();
    return async () => {};
  },
  'that was disposed of while a training uses it': async (data) => {
    const end = await training(data);
    data.dispose();
    return end;
  },
};

test('every method has a row', () => {
  const methods = Reflect.ownKeys(Dataset.prototype).map(String);
  const rows = Object.keys(METHODS);
  expect(methods.filter((name) => name !== 'constructor').sort()).toEqual(rows.sort());
});

describe.for(Object.entries(STATES))('of a data set %s', ([state, enter]) => {
  test.for(Object.entries(METHODS))('%s', async ([name, call]) => {
    const { train } = await smallData(6, 6);
    const end = await enter(train);
    const harmless = /dispose/.test(name) || !/disposed/.test(state);
    const called = () => call(train);
    if (harmless) await called();
    else if (ASYNCHRONOUS.includes(name)) await expect(called()).rejects.toMatchObject({ code: 'DISPOSED' });
    else expect(called).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
    await end();
  });
});

describe('data sets that are disposed of as soon as they were handed over serve', () => {
  const calls: Record<string, (model: DenseNet121, data: Dataset) => Promise<unknown>> = {
    features: (model, data) => model.features(data),
    logits: (model, data) => model.logits(data),
    evaluate: (model, data) => model.evaluate(data),
    findLearningRate: (model, data) => model.findLearningRate(data, { steps: 3, freeze: 'backbone' }),
    fit: async (model, data) => {
      const options = { epochs: 2, freeze: 'backbone', batchSize: 4 } as const;
      const { epochs } = await model.fit(data, { ...options, valid: data }).result;
      return epochs.map(({ seconds: _, ...epoch }) => epoch);
    },
  };
  test.for(Object.entries(calls))('%s', async ([, call]) => {
    const { train } = await smallData(6, 6);
    const kept = await call(await smallModel(), train);
    const model = await smallModel();
    const running = call(model, train);
    train.dispose();
    expect(await running).toEqual(kept);
  });
});

/** Starts a training that has no end of its own. */
async function training(data: Dataset): Promise<() => Promise<unknown>> {
  const model = await smallModel({ weights: null });
  const options = {
    valid: data,
    epochs: 1_000_000,
    earlyStoppingPatience: 'off',
    freeze: 'backbone',
  } as const;
  const run = model.fit(data, options);
  for await (const _ of run) break;
  return async () => {
    model.dispose();
    await expect(run.result).rejects.toMatchObject({ code: 'DISPOSED' });
  };
}
