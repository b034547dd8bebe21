import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DenseNet121 } from '../../lib/densenet121.ts';
import type { EpochMetrics } from '../../lib/engine/native-training.ts';
import { readSafetensors } from '../../lib/formats/safetensors.ts';
import type { AnyFitOptions, FitResult } from '../../lib/training/fit.ts';
import { withBest } from '../../lib/training/recorded-epochs.ts';
import { smallData, smallModel } from '../support/small-data.ts';
import { stopped } from '../support/stopped.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** What neither watches the validation loss nor stops. */
const UNWATCHED = { schedule: 'constant', earlyStoppingPatience: 'off' } as const;
const HEAD = { epochs: 3, batchSize: 8, learningRate: 0.05 };

const checkpointIn = (directory: string) => join(directory, 'training.safetensors');

/** Trains the head; gives the result and the model. */
async function trained(
  options: Partial<AnyFitOptions> & Pick<AnyFitOptions, 'valid'>,
): Promise<{ model: DenseNet121; result: FitResult<number | null> }> {
  const { train } = await smallData();
  const model = await smallModel();
  model.freeze();
  const result = await model.fit(train, { ...HEAD, ...options }).result;
  return { model, result };
}

/** The tensors of the saved model, by name, as hexadecimal text. */
async function tensorsOf(model: DenseNet121): Promise<Map<string, string>> {
  const file = join(temporaryDirectory(), 'model.safetensors');
  await model.save(file);
  return hexOf(await readSafetensors(file), '');
}

function hexOf({ tensors }: Awaited<ReturnType<typeof readSafetensors>>, prefix: string) {
  const own = tensors.filter(({ name }) => name.startsWith(prefix));
  return new Map(own.map(({ name, data }) => [name.slice(prefix.length), Buffer.from(data).toString('hex')]));
}

/** Epochs without the times, which differ. */
const timeless = (epochs: readonly EpochMetrics[]) => epochs.map((epoch) => ({ ...epoch, seconds: 0 }));

describe('valid: null', () => {
  const TRAININGS: Array<[string, Partial<AnyFitOptions>]> = [
    ['over cached features', {}],
    ['over augmented images', { augmentation: 'light' }],
    ['without a cache', { featureCache: false, emaDecay: 0.9 }],
  ];

  test.each(TRAININGS)(
    'trains %s to the bit as with validation images, and keeps the last epoch',
    async (_, options) => {
      const { valid } = await smallData();
      const checkpoint = checkpointIn(temporaryDirectory());
      const beside = await trained({ valid, ...UNWATCHED, ...options, checkpoint });
      const { model, result } = await trained({ valid: null, ...options });

      expect(result.epochs.map(({ trainLoss }) => trainLoss)).toEqual(
        beside.result.epochs.map(({ trainLoss }) => trainLoss),
      );
      for (const epoch of result.epochs) {
        expect(epoch).toMatchObject({ validLoss: null, validAccuracy: null, best: true });
      }
      expect(result.best).toBe(result.epochs.at(-1));
      expect(result).toMatchObject({ stoppedBecause: 'epochs', bestLogits: null });
      const last = hexOf(await readSafetensors(checkpoint), options.emaDecay ? 'average.' : 'model.');
      const kept = await tensorsOf(model);
      expect(last.size).toBeGreaterThan(0);
      for (const [name, data] of last) expect(kept.get(name), name).toBe(data);
    },
  );

  test('announces every epoch as the best, and saves it', async () => {
    const best: number[] = [];
    const { model } = await trained({ valid: null, onBest: ({ epoch }) => best.push(epoch) });
    expect(best).toEqual([1, 2, 3]);
    const file = join(temporaryDirectory(), 'best.safetensors');
    await model.saveBest(file);
    expect(hexOf(await readSafetensors(file), '')).toEqual(await tensorsOf(model));
  });

  test('keeps the last epoch of the last stage', async () => {
    const recipe = [
      { epochs: 1, freeze: 'backbone' },
      { epochs: 2, freeze: 'backbone', optimizer: 'sgd' },
    ] as const;
    const { train } = await smallData();
    const model = await smallModel();
    const result = await model.fit(train, { valid: null, recipe, batchSize: 8 }).result;
    expect(result.epochs.map(({ stage, validLoss }) => [stage, validLoss])).toEqual([
      [1, null],
      [2, null],
      [2, null],
    ]);
    expect(result.best.epoch).toBe(3);
  });

  test.each([2, 3, 4])('resumes after batch %i to the same bits', async (batches) => {
    const whole = await trained({ valid: null });
    const checkpoint = checkpointIn(temporaryDirectory());
    const error = await stopped(() => {
      const stop = new AbortController();
      return trained({
        valid: null,
        checkpoint,
        signal: stop.signal,
        onBatch: ({ epoch, batch }) => (epoch - 1) * 3 + batch >= batches && stop.abort(),
      });
    });
    expect(error).toMatchObject({ name: 'AbortError' });
    const { model, result } = await trained({ valid: null, checkpoint, resume: true });
    expect(result.resumed).toHaveLength(1);
    expect(timeless(result.epochs)).toEqual(timeless(whole.result.epochs));
    expect(await tensorsOf(model)).toEqual(await tensorsOf(whole.model));
  });

  test('is neither resumed with validation images nor the other way round', async () => {
    const { valid } = await smallData();
    const [without, beside] = [temporaryDirectory(), temporaryDirectory()].map(checkpointIn);
    await trained({ valid: null, checkpoint: without });
    await trained({ valid, ...UNWATCHED, checkpoint: beside });
    await expect(trained({ valid, ...UNWATCHED, checkpoint: without, resume: true })).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringContaining('trained without validation images'),
    });
    await expect(trained({ valid: null, checkpoint: beside, resume: true })).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringContaining('with validation images, and now there are none'),
    });
  });

  const WATCHING: Array<[string, string, Partial<AnyFitOptions>]> = [
    ['schedule plateau', '--schedule plateau', { schedule: 'plateau' }],
    ['earlyStoppingPatience 5', '--early-stopping-patience 5', { earlyStoppingPatience: 5 }],
    [
      'recipe[1].schedule plateau',
      '--recipe[1].schedule plateau',
      {
        recipe: [
          { epochs: 1, freeze: 'backbone' },
          { epochs: 1, schedule: 'plateau' },
        ],
      },
    ],
  ];

  test.each(WATCHING)('refuses %s', async (shown, flags, options) => {
    const said = (what: string, valid: string) =>
      `${what} needs validation images, and ${valid} says that there are none. Leave out one of the two.`;
    await expect(trained({ valid: null, ...options })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: said(shown, '`valid`'),
      atCommandLine: said(flags, '--valid none'),
    });
  });

  test('refuses what only those would use', async () => {
    await expect(trained({ valid: null, plateauPatience: 3 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'plateauPatience would have no effect: it needs the schedule plateau. Leave it out.',
    });
  });

  test('is not the same as none: validation images must be said to be missing', async () => {
    const { train } = await smallData();
    const model = await smallModel();
    expect(() => model.fit(train, {} as AnyFitOptions)).toThrow('valid must be a Dataset, or null');
  });
});

describe('epochs of earlier versions, which do not say which were the best so far', () => {
  const epoch = (number: number, validAccuracy: number, validLoss: number) => ({
    ...{ epoch: number, stage: 1, lr: 1, trainLoss: 1, trainAccuracy: 1, seconds: 1 },
    ...{ validAccuracy, validLoss },
  });

  test('are judged by accuracy, then loss', () => {
    const epochs = [
      epoch(1, 0.5, 2),
      epoch(2, 0.5, 1),
      epoch(3, 0.4, 0.5),
      epoch(4, 0.6, 3),
      epoch(5, 0.6, 3),
    ];
    expect(withBest(epochs).map(({ best }) => best)).toEqual([true, true, false, true, false]);
  });

  test('keep what they say', () => {
    const said = [
      { ...epoch(1, 0.5, 2), best: true },
      { ...epoch(2, 0.9, 1), best: false },
    ];
    expect(withBest(said)).toEqual(said);
  });
});
