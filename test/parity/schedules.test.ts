import { expect, test } from 'vitest';
import type { ScheduleOptions } from '../../lib/engine/native-training.ts';
import fixture from '../fixtures/schedules.json' with { type: 'json' };
import { epochEvents, nativeData, nativeModel, nativeTraining, PLAIN_STAGE } from '../support/native.ts';

/*
 * Every step's learning rate, of trainings as short as a single step. The fixture says of each what the engine is to
 * do, and the rates of PyTorch's schedulers. A batch is the whole set, so that an epoch's rate is a step's.
 */

const TOLERANCE = 1e-12;

type Training = { epochs: number; rates: number[] } & Partial<ScheduleOptions>;

const types = ['constant', 'cosine', 'one-cycle', 'step'] as const;
const trainings = fixture.trainings as Training[];

/** One for all: what rates there are does not depend on the weights. */
async function training() {
  const model = await nativeModel('linear', { imageSize: 32 });
  await model.setTrainable(['features'], false).result;
  return { model, train: await nativeData('train', 2), valid: await nativeData('valid', 2) };
}

type Setting = Awaited<ReturnType<typeof training>>;

async function ratesOf(
  { model, train, valid }: Setting,
  schedule: Partial<ScheduleOptions>,
  epochs: number,
): Promise<number[]> {
  const { learningRate } = fixture;
  const options = { epochs, learningRate, schedule: { ...PLAIN_STAGE.schedule, ...schedule } };
  return epochEvents((await nativeTraining(model, train, valid, options)).events).map(({ lr }) => lr);
}

/** How far the engine's rates are from those expected, relative to these. */
async function difference(setting: Setting, { epochs, rates, ...schedule }: Training): Promise<number> {
  const found = await ratesOf(setting, schedule, epochs);
  expect(found.length).toBe(rates.length);
  return Math.max(...rates.map((rate, step) => Math.abs((found[step] as number) / rate - 1)));
}

test.for(types)('%s has the rates of PyTorch at every step, however few there are', async (type) => {
  const setting = await training();
  const far = [];
  for (const one of trainings.filter((one) => one.type === type)) {
    if (!((await difference(setting, one)) <= TOLERANCE)) far.push(one);
  }
  expect(far).toEqual([]);
});

test('the fixture has trainings of one, two and three steps of every schedule', () => {
  const short = (type: string) => trainings.filter((one) => one.type === type).map(({ epochs }) => epochs);
  for (const type of types) {
    const steps = type === 'one-cycle' ? [2, 3] : [1, 2, 3];
    expect(short(type)).toEqual(expect.arrayContaining(steps));
  }
});

test("one-cycle has its highest rate where PyTorch's would train nothing, or divides by 0", async () => {
  const { learningRate } = fixture;
  const setting = await training();
  expect(await ratesOf(setting, { type: 'one-cycle' }, 1)).toEqual([learningRate]);
  expect(await ratesOf(setting, { type: 'one-cycle', warmupEpochs: 1 }, 1)).toEqual([learningRate]);
  expect((await ratesOf(setting, { type: 'one-cycle', warmupEpochs: 1 }, 3))[0]).toBe(learningRate);
});
