import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { DenseNet121 } from '../../lib/densenet121.ts';
import { crossValidate } from '../../lib/experiments/cross-validate.ts';
import type { RunResults } from '../../lib/experiments/results.ts';
import type { RunEvent } from '../../lib/experiments/run-events.ts';
import { trainClassifier } from '../../lib/experiments/train-classifier.ts';
import { dealFolds } from '../../lib/experiments/train-folds.ts';
import { writeSample } from '../support/sample-folder.ts';
import { lastingDirectory } from '../support/temporary-directory.ts';

const OPTIONS = {
  imageSize: 32,
  epochs: 3,
  batchSize: 8,
  device: 'cpu',
  precision: 'fp32',
  threads: 1,
} as const;
const FOLDS = 3;

/** The first image of each class. */
function firstOfEach(images: string): [string, string] {
  const files = readdirSync(images).map((name) => {
    const [first = ''] = readdirSync(join(images, name)).sort();
    return join(images, name, first);
  });
  return files.slice(0, 2) as [string, string];
}

describe('a run with folds', () => {
  let data: string;
  let out: string;
  let results: RunResults;

  const run = (to: string, more: object = {}, control: object = {}) =>
    trainClassifier({ data, folds: FOLDS, out: to, ...OPTIONS, ...more }, control);

  beforeAll(async () => {
    const directory = lastingDirectory();
    data = join(directory, 'images');
    out = join(directory, 'run');
    await writeSample(data, 7);
    results = await run(out);
  });

  test('judges each image once by a model that has not seen it', async () => {
    expect(results.folds?.folds.map(({ valid, train }) => [train, valid])).toEqual([
      [9, 5],
      [9, 5],
      [10, 4],
    ]);
    expect(results.folds?.outOfFold.count).toBe(14);
    const validation = JSON.parse(readFileSync(join(out, 'validation.json'), 'utf8'));
    expect(validation.evaluation.accuracy).toBe(results.folds?.outOfFold.accuracy);
    expect(validation.evaluation.confusion.flat().reduce((a: number, b: number) => a + b)).toBe(14);

    // Another way: the folds' saved models, over their own images.
    const all = await Dataset.fromFolder(data, { imageSize: 32, imageCache: false });
    let correct = 0;
    for (const [index, images] of (await dealFolds(all, { folds: FOLDS, seed: 0 })).entries()) {
      const model = await DenseNet121.load(join(out, 'folds', String(index + 1)), { device: 'cpu' });
      const valid = all.subset(images);
      const { accuracy, loss } = await model.evaluate(valid, { precision: 'fp32', threads: 1 });
      correct += accuracy * images.length;
      expect(accuracy).toBeCloseTo(results.folds?.folds[index]?.best.validAccuracy ?? 0, 12);
      expect(loss).toBeCloseTo(results.folds?.folds[index]?.best.validLoss ?? 0, 5);
      model.dispose();
      valid.dispose();
    }
    all.dispose();
    expect(correct / 14).toBeCloseTo(results.folds?.outOfFold.accuracy ?? 0, 12);
  });

  test('gives intervals of shares within 0 to 1', () => {
    const [low = -1, high = 2] = results.folds?.accuracy.interval95 ?? [];
    const { mean = 0, standardDeviation = 0 } = results.folds?.accuracy ?? {};
    const half = (4.3027 * standardDeviation) / Math.sqrt(FOLDS);
    expect(low).toBeCloseTo(Math.max(0, mean - half), 4);
    expect(high).toBeCloseTo(Math.min(1, mean + half), 4);
  });

  test('keeps a model of all images, trained for the median of the best epochs', () => {
    const best = results.folds?.folds.map((fold) => fold.best.epoch).sort() ?? [];
    expect(results.folds?.epochs).toBe(best[1]);
    expect(results.epochs).toHaveLength(best[1] as number);
    expect(results.dataset).toMatchObject({
      train: 14,
      valid: 0,
      validation: 'each image in one of the folds',
    });
    expect(results.best).toMatchObject({ epoch: best[1], validAccuracy: null });
  });

  test('does what crossValidate does for programs, to the bit', async () => {
    const all = await Dataset.fromFolder(data, { imageSize: 32, imageCache: false });
    const found = await crossValidate(all, {
      ...OPTIONS,
      folds: FOLDS,
      recipe: 'head',
      schedule: 'cosine',
      augmentation: 'none',
    });
    const model = await DenseNet121.load(out, { device: 'cpu' });
    expect(found.folds.map(({ best }) => best)).toEqual(results.folds?.folds.map(({ best }) => best));
    expect(found.evaluation.accuracy).toBe(results.folds?.outOfFold.accuracy);
    const logits = await Promise.all(
      [found.model, model].map((one) => one.logits(all, { precision: 'fp32' })),
    );
    expect(logits[0]?.data).toEqual(logits[1]?.data);
    for (const one of [found.model, model, all]) one.dispose();
  });

  test('of a program refuses other epochs than those of its checkpoints', async () => {
    const all = await Dataset.fromFolder(data, { imageSize: 32, imageCache: false });
    const options = { ...OPTIONS, folds: 2, freeze: 'backbone', checkpoints: lastingDirectory() } as const;
    (await crossValidate(all, { ...options, epochs: 2 })).model.dispose();
    for (const epochs of [1, 3]) {
      await expect(crossValidate(all, { ...options, epochs })).rejects.toMatchObject({
        code: 'CHECKPOINT_MISMATCH',
        message: expect.stringContaining(`epochs was 2 and is now ${epochs}`),
      });
    }
    all.dispose();
  });

  test('computes the features of a frozen backbone once for all trainings', async () => {
    const computed: number[] = [];
    const onEvent = (event: RunEvent) => {
      if (event.type === 'features' && event.done === event.total) computed.push(event.total);
    };
    const directory = lastingDirectory();
    await run(join(directory, 'run'), { featureCache: join(directory, 'features') }, { onEvent });
    expect(computed).toEqual([14]);
  });

  test('resumes in a fold to the same results', async () => {
    const directory = lastingDirectory();
    const to = join(directory, 'run');
    const controller = new AbortController();
    const onEvent = (event: RunEvent) => {
      if (event.type === 'fold' && event.fold === 2) controller.abort(new Error('enough'));
    };
    await expect(run(to, {}, { signal: controller.signal, onEvent })).rejects.toThrow('enough');
    expect(existsSync(join(to, 'folds', '1', 'results.json'))).toBe(true);
    expect(existsSync(join(to, 'results.json'))).toBe(false);
    const resumed = await trainClassifier({ out: to }, { resume: true });
    const comparable = ({ folds, epochs }: RunResults) => ({
      folds: folds?.folds.map(({ seconds: _, ...fold }) => fold),
      epochs: epochs.map(({ seconds: _, ...epoch }) => epoch),
    });
    expect(comparable(resumed)).toEqual(comparable(results));
    const [model, same] = [to, out].map((path) => readFileSync(join(path, 'best.safetensors')));
    expect(model?.equals(same as Buffer)).toBe(true);
    // Nothing is left to do.
    const before = readFileSync(join(to, 'results.json'), 'utf8');
    const told: RunEvent[] = [];
    await trainClassifier({ out: to }, { resume: true, onEvent: (event) => told.push(event) });
    expect(told).toEqual([{ type: 'finished', directory: to, stoppedBecause: 'epochs', mayGoOn: false }]);
    expect(readFileSync(join(to, 'results.json'), 'utf8')).toBe(before);
  });

  test.each([
    [{ folds: 8 }, "8 folds need at least 8 images of each class, but 'airplane' has 7"],
    [{ valid: 'none' }, 'validates on every image once, so valid none would have no effect'],
    [{ limitValid: 5 }, 'so limitValid 5 would have no effect'],
    [{ data: 'sample' }, 'does not exist'],
  ])('refuses %j and leaves nothing behind', async (more, message) => {
    const directory = lastingDirectory();
    const to = join(directory, 'run');
    await expect(run(to, more)).rejects.toThrow(message);
    expect(existsSync(to)).toBe(false);
  });

  test('refuses to resume with other images, though its finished folds need none', async () => {
    const directory = lastingDirectory();
    const [images, to] = [join(directory, 'images'), join(directory, 'run')];
    cpSync(data, images, { recursive: true });
    const stop = new AbortController();
    const onEvent = (event: RunEvent) => {
      if (event.type === 'fold' && event.fold === 2) stop.abort();
    };
    await expect(run(to, { data: images }, { signal: stop.signal, onEvent })).rejects.toThrow();
    const [one, other] = firstOfEach(images);
    const pixels = readFileSync(one);
    writeFileSync(one, readFileSync(other));
    writeFileSync(other, pixels);
    await expect(trainClassifier({ out: to }, { resume: true })).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringMatching(/folds.1: the images differ/),
    });
  });

  test('refuses to resume with other epochs, and a fold on its own', async () => {
    await expect(trainClassifier({ out, epochs: 5 }, { resume: true })).rejects.toThrow(
      'its epochs was 3 and is now 5',
    );
    await expect(trainClassifier({ out: join(out, 'folds', '2') }, { resume: true })).rejects.toThrow(
      'the options of fold 2 of a cross-validation',
    );
  });

  test('refuses data with a validation part', async () => {
    const directory = lastingDirectory();
    for (const part of ['train', 'valid']) await writeSample(join(directory, 'parts', part), 3);
    await expect(
      trainClassifier({ data: join(directory, 'parts'), folds: 2, out: join(directory, 'run'), ...OPTIONS }),
    ).rejects.toThrow('has validation images, valid/, but `folds` validates on each training image in turn');
  });
});
