import { describe, expect, test } from 'vitest';
import type { DenseNet121 } from '../../lib/densenet121.ts';
import { smallData, smallModel } from '../support/small-data.ts';

/*
 * A training in which nothing would train is wrong use, whoever froze what: the model's methods, the stages of a
 * training before, or this one's own options.
 */

type Data = Awaited<ReturnType<typeof smallData>>;
type Step = (model: DenseNet121, data: Data) => unknown;

const short = { epochs: 1, batchSize: 12 } as const;

/** What leaves layers frozen or not. */
const STEPS: Record<string, Step> = {
  'freeze the backbone': (model) => model.freeze(),
  'freeze the head': (model) => model.freeze('classifier'),
  'freeze all': (model) => model.freeze('*'),
  'unfreeze a norm': (model) => model.unfreeze('norm5'),
  'train the head': (model, { train, valid }) =>
    model.fit(train, { valid, ...short, freeze: 'backbone' }).result,
  'train in stages, the last of the head': (model, { train, valid }) => {
    const recipe = [
      { epochs: 1, freeze: [{ through: 'denseblock4' }] },
      { epochs: 1, freeze: 'backbone' },
    ];
    return model.fit(train, { valid, recipe, batchSize: 12 }).result;
  },
  'be stopped in a training of the last norm': async (model, { train, valid }) => {
    const stop = new AbortController();
    const freeze = [{ through: 'denseblock4' }, 'classifier'];
    const options = { valid, ...short, epochs: 1000, freeze, signal: stop.signal };
    await expect(model.fit(train, { ...options, onBatch: () => stop.abort() }).result).rejects.toThrow(
      'abort',
    );
  },
  'search a rate for the head': (model, { train }) =>
    model.findLearningRate(train, { steps: 2, freeze: 'backbone', batchSize: 12 }),
};

const SEQUENCES: Array<Array<keyof typeof STEPS>> = [
  ['freeze all'],
  ['freeze the backbone', 'freeze the head'],
  ['freeze all', 'unfreeze a norm', 'train the head', 'freeze the head'],
  ['train in stages, the last of the head', 'freeze the head'],
  ['freeze all', 'unfreeze a norm'],
  ['freeze all', 'train the head'],
  ['be stopped in a training of the last norm', 'freeze the head'],
  ['be stopped in a training of the last norm', 'freeze the backbone'],
  ['freeze all', 'search a rate for the head'],
];

describe('a model', () => {
  test.for(SEQUENCES)(
    'is refused exactly where the engine would train nothing: %s, %s, %s, %s',
    async (steps) => {
      const [model, data] = [await smallModel(), await smallData()];
      for (const step of steps) await (STEPS[step] as Step)(model, data);
      const { train, valid } = data;
      const { trainableParameters } = await model.describe();
      const refusal = expect.objectContaining({
        name: 'InputError',
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/every layer.*frozen.*model\.unfreeze\('classifier'\)/i),
      });
      const search = model.findLearningRate(train, { steps: 2, batchSize: 12 });
      if (trainableParameters === 0) {
        expect(() => model.fit(train, { valid, ...short })).toThrow(refusal);
        await expect(search).rejects.toEqual(refusal);
        // What says itself what trains is not in question.
        await model.fit(train, { valid, ...short, freeze: 'backbone' }).result;
      } else {
        expect((await search).points.length).toBe(2);
        expect((await model.fit(train, { valid, ...short }).result).epochs).toHaveLength(1);
      }
    },
  );

  test('some of the sequences freeze all, some do not', async () => {
    const counts = [];
    for (const steps of SEQUENCES) {
      const [model, data] = [await smallModel(), await smallData()];
      for (const step of steps) await (STEPS[step] as Step)(model, data);
      counts.push((await model.describe()).trainableParameters > 0);
    }
    expect(new Set(counts)).toEqual(new Set([true, false]));
  });
});

describe('options', () => {
  test.for([
    [{ freeze: ['*'] }, /^freeze leaves no layer to train\. .*backbone/],
    [
      { recipe: [{ epochs: 1 }, { epochs: 1, freeze: '*' }] },
      /^freeze leaves no layer to train in stage 2\. /,
    ],
  ] as const)('of which nothing would train are refused: %j', async ([options, message]) => {
    const [model, { train, valid }] = [await smallModel(), await smallData()];
    expect(() => model.fit(train, { valid, ...options })).toThrow(message);
    if ('freeze' in options) await expect(model.findLearningRate(train, options)).rejects.toThrow(message);
  });
});
