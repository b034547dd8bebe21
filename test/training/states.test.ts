import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Dataset } from '../../lib/data/dataset.ts';
import { DenseNet121 } from '../../lib/densenet121.ts';
import { readCheckpoint } from '../../lib/training/checkpoint.ts';
import { BLUE, bands } from '../support/images.ts';
import { smallData, smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * What each method of a model promises in each state that the model can be in. A new method fails
 * these tests until it has a row. Those of a data set are in dataset-states.test.ts.
 */

interface Setting {
  model: DenseNet121;
  train: Dataset;
  valid: Dataset;
}

type Call = (setting: Setting) => unknown;

const IMAGE = bands([BLUE], 32, 32);
const file = () => join(temporaryDirectory(), 'model.safetensors');

/** Those that give a promise: they reject and never throw. */
const ASYNCHRONOUS: Record<string, Call> = {
  save: ({ model }) => model.save(file()),
  saveBest: ({ model }) => model.saveBest(file()),
  export: ({ model }) => model.export(join(temporaryDirectory(), 'model.onnx'), { check: false }),
  describe: ({ model }) => model.describe(),
  features: ({ model, train }) => model.features(train),
  logits: ({ model, train }) => model.logits(train),
  predict: ({ model }) => model.predict(IMAGE),
  gradCam: ({ model }) => model.gradCam(IMAGE),
  evaluate: ({ model, valid }) => model.evaluate(valid),
  findLearningRate: ({ model, train }) => model.findLearningRate(train, { steps: 2, freeze: 'backbone' }),
  calibrate: ({ model, valid }) => model.calibrate(valid),
  divideLogits: ({ model }) => model.divideLogits(2),
};

/** Those that throw. Of a training what it comes to counts too. */
const SYNCHRONOUS: Record<string, Call> = {
  freeze: ({ model }) => model.freeze(),
  unfreeze: ({ model }) => model.unfreeze(),
  fit: ({ model, train, valid }) => model.fit(train, { valid, epochs: 1, freeze: 'backbone' }).result,
  dispose: ({ model }) => model.dispose(),
  [String(Symbol.dispose)]: ({ model }) => model[Symbol.dispose](),
};

type Outcome =
  | 'works'
  | 'MODEL_BUSY'
  | 'DISPOSED'
  | 'INVALID_ARGUMENT'
  | 'LOSS_NOT_FINITE'
  | 'rejects LOSS_NOT_FINITE';

interface State {
  /** Brings the model there, and gives what ends it. */
  enter(setting: Setting): Promise<() => unknown>;
  /** Of the methods that have no outcome of their own. */
  outcome: Outcome;
  own: Partial<Record<string, Outcome>>;
}

const DISPOSAL = { dispose: 'works', [String(Symbol.dispose)]: 'works' } as const;
const DISPOSED = { outcome: 'DISPOSED', own: DISPOSAL } as const;
const TRAINS = { outcome: 'MODEL_BUSY', own: { saveBest: 'works', ...DISPOSAL } } as const;
const WORKS = {
  outcome: 'works',
  own: {
    fit: 'MODEL_BUSY',
    findLearningRate: 'MODEL_BUSY',
    calibrate: 'MODEL_BUSY',
    divideLogits: 'MODEL_BUSY',
    saveBest: 'INVALID_ARGUMENT',
  },
} as const;

const STATES: Record<string, State> = {
  'that was just made': {
    enter: async () => () => {},
    outcome: 'works',
    own: { saveBest: 'INVALID_ARGUMENT' },
  },
  'that trains': { enter: training, ...TRAINS },
  'whose training is being stopped': {
    enter: async (setting) => {
      const end = await training(setting);
      const ended = end();
      return () => ended;
    },
    ...TRAINS,
  },
  'whose learning rate is searched for': {
    enter: ({ model, train }) => underWay(model.findLearningRate(train, { steps: 5, freeze: 'backbone' })),
    outcome: 'MODEL_BUSY',
    own: { saveBest: 'INVALID_ARGUMENT', ...DISPOSAL },
  },
  'that is calibrated': {
    enter: ({ model, valid }) => underWay(model.calibrate(valid)),
    outcome: 'MODEL_BUSY',
    own: { saveBest: 'INVALID_ARGUMENT', ...DISPOSAL },
  },
  'that computes features': { enter: ({ model, train }) => underWay(model.features(train)), ...WORKS },
  'that predicts': { enter: ({ model }) => underWay(model.predict([IMAGE, IMAGE])), ...WORKS },
  'that evaluates': { enter: ({ model, valid }) => underWay(model.evaluate(valid)), ...WORKS },
  'that was disposed of': {
    enter: async ({ model }) => {
      model.dispose();
      return () => {};
    },
    ...DISPOSED,
  },
  'that was disposed of while it trained': {
    enter: async (setting) => {
      const end = await training(setting);
      setting.model.dispose();
      return end;
    },
    ...DISPOSED,
  },
  'that was disposed of while it predicted': {
    enter: async ({ model }) => {
      const end = await underWay(model.predict(IMAGE));
      model.dispose();
      return end;
    },
    ...DISPOSED,
  },
  'whose training failed': {
    enter: async ({ model, train, valid }) => {
      // Weights grow by 1e12 a step: the first epochs end.
      const grows = { optimizer: 'sgd', learningRate: 1e6, weightDecay: 1e6 } as const;
      const options = { valid, freeze: 'backbone', ...grows } as const;
      await expect(model.fit(train, options).result).rejects.toMatchObject({ code: 'LOSS_NOT_FINITE' });
      return () => {};
    },
    outcome: 'works',
    // Its weights are no longer finite either.
    own: { fit: 'rejects LOSS_NOT_FINITE', calibrate: 'LOSS_NOT_FINITE' },
  },
  'whose training was stopped': {
    enter: async (setting) => {
      const end = await training(setting);
      await end();
      return () => {};
    },
    outcome: 'works',
    own: {},
  },
};

test('every method has a row', () => {
  const methods = Reflect.ownKeys(DenseNet121.prototype).map(String);
  const rows = Object.keys({ ...ASYNCHRONOUS, ...SYNCHRONOUS });
  expect(methods.filter((name) => name !== 'constructor').sort()).toEqual(rows.sort());
});

describe.for(Object.entries(STATES))('of a model %s', ([, { enter, outcome, own }]) => {
  const rows = [...Object.entries(ASYNCHRONOUS), ...Object.entries(SYNCHRONOUS)];
  const cells = rows.map(([name, call]) => [name, own[name] ?? outcome, call] as const);
  test.for(cells)('%s: %s', async ([name, expected, call]) => {
    const setting = { model: await smallModel({ weights: null }), ...(await smallData(6, 6)) };
    const end = await enter(setting);
    expect(await outcomeOf(name, call, setting)).toBe(expected);
    await end();
  });
});

describe('what is going on when a model is disposed of', () => {
  const calls = Object.entries({ ...ASYNCHRONOUS, fit: SYNCHRONOUS.fit as Call });
  test.for(calls.filter(([name]) => name !== 'saveBest'))('rejects: %s', async ([, call]) => {
    const setting = { model: await smallModel({ weights: null }), ...(await smallData(6, 6)) };
    const running = call(setting);
    setting.model.dispose();
    await expect(running).rejects.toMatchObject({ code: 'DISPOSED' });
  });

  test('is the writing of the best weights: they are written', async () => {
    const { model, train, valid } = {
      model: await smallModel({ weights: null }),
      ...(await smallData(6, 6)),
    };
    await model.fit(train, { valid, epochs: 1, freeze: 'backbone' }).result;
    const [kept, written] = [file(), file()];
    await model.saveBest(kept);
    const writing = model.saveBest(written);
    model.dispose();
    await writing;
    const loaded = await DenseNet121.load(written);
    onTestFinished(() => loaded.dispose());
    expect(loaded.classes).toEqual(model.classes);
  });
});

test('a training that is disposed of leaves a checkpoint of where it was', async () => {
  const { train, valid } = await smallData(24, 6);
  const model = await smallModel({ weights: null });
  const checkpoint = file();
  const onBatch = ({ epoch, batch }: { epoch: number; batch: number }) => {
    if (epoch > 1 && batch > 1) model.dispose();
  };
  const options = { valid, freeze: 'backbone', batchSize: 2, epochs: 1000, checkpoint, onBatch } as const;
  await expect(model.fit(train, options).result).rejects.toThrow('disposed while it was working');
  const stored = await readCheckpoint(checkpoint);
  expect((stored?.epochs.length ?? 0) * 12 + (stored?.batch ?? 0)).toBeGreaterThanOrEqual(14);
});

describe("an abort rejects with the signal's reason", () => {
  const calls: Record<string, (setting: Setting, signal: AbortSignal) => Promise<unknown>> = {
    features: ({ model, train }, signal) => model.features(train, { signal }),
    logits: ({ model, train }, signal) => model.logits(train, { signal }),
    evaluate: ({ model, valid }, signal) => model.evaluate(valid, { signal }),
    calibrate: ({ model, valid }, signal) => model.calibrate(valid, { signal }),
    predict: ({ model }, signal) => model.predict(IMAGE, { signal }),
    gradCam: ({ model }, signal) => model.gradCam(IMAGE, { signal }),
    findLearningRate: ({ model, train }, signal) => model.findLearningRate(train, { signal }),
    fit: ({ model, train, valid }, signal) => model.fit(train, { valid, signal }).result,
  };
  test.for(Object.entries(calls))('%s', async ([, call]) => {
    const setting = { model: await smallModel({ weights: null }), ...(await smallData(6, 6)) };
    const reason = new Error('enough');
    const before = call(setting, AbortSignal.abort(reason));
    await expect(before).rejects.toBe(reason);
    const controller = new AbortController();
    const running = call(setting, controller.signal);
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(await outcomeOf('fit', SYNCHRONOUS.fit as Call, setting)).toBe('works');
  });
});

test('freezing while features are computed changes nothing of them, and holds afterwards', async () => {
  const { train } = await smallData(6, 6);
  const model = await smallModel();
  const { data } = await model.features(train);
  const computing = model.features(train);
  model.freeze();
  expect((await computing).data).toEqual(data);
  expect(await model.describe()).toMatchObject({ trainableParameters: 10_250 });
});

test('there are no best weights to save before the first epoch of a training has ended', async () => {
  const { train, valid } = await smallData(6, 6);
  const model = await smallModel({ weights: null });
  const run = model.fit(train, { valid, epochs: 1, freeze: 'backbone' });
  await expect(model.saveBest('nowhere')).rejects.toThrow('before an epoch of fit() ended');
  await run.result;
});

/** Starts a training that has no end of its own, and waits for its first epoch. */
async function training({ model, train, valid }: Setting): Promise<() => Promise<void>> {
  const controller = new AbortController();
  const options = { valid, epochs: 1_000_000, earlyStoppingPatience: 'off', freeze: 'backbone' } as const;
  const run = model.fit(train, { ...options, signal: controller.signal });
  for await (const _ of run) break;
  return async () => {
    controller.abort(new Error('enough'));
    await expect(run.result).rejects.toThrow(/enough|disposed/);
  };
}

async function underWay(work: Promise<unknown>): Promise<() => Promise<unknown>> {
  const settled = Promise.allSettled([work]);
  return () => settled;
}

async function outcomeOf(name: string, call: Call, setting: Setting): Promise<string> {
  let returned: unknown;
  try {
    returned = call(setting);
  } catch (error) {
    return name in SYNCHRONOUS ? codeOf(error) : 'throws where it should reject';
  }
  if (name in ASYNCHRONOUS) expect(returned).toBeInstanceOf(Promise);
  try {
    await returned;
    return 'works';
  } catch (error) {
    return name in ASYNCHRONOUS ? codeOf(error) : `rejects ${codeOf(error)}`;
  }
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}
