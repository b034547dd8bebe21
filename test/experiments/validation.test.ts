import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { DenseNet121 } from '../../lib/densenet121.ts';
import type { RunResults } from '../../lib/experiments/results.ts';
import type { RunEvent } from '../../lib/experiments/run-events.ts';
import { runExperiment } from '../../lib/experiments/run-experiment.ts';
import type { ValidationReport } from '../../lib/experiments/validation.ts';
import { BLUE, GREEN, RED, writeImages } from '../support/images.ts';
import { lastingDirectory, shared, temporaryDirectory } from '../support/temporary-directory.ts';

const SMALL = {
  data: 'sample',
  limitTrain: 40,
  limitValid: 60,
  imageSize: 64,
  epochs: 3,
  precision: 'fp32',
} as const;

/** A finished run, in a directory of the running test's. */
async function shortRun(): Promise<{ out: string; results: RunResults }> {
  const { out, results } = await finished();
  const copy = join(temporaryDirectory(), 'run');
  cpSync(out, copy, { recursive: true });
  return { out: copy, results };
}

const finished = shared(async () => {
  const out = join(lastingDirectory(), 'run');
  return { out, results: await runExperiment('finetune', { ...SMALL, out }) };
});

function reportIn(out: string): ValidationReport {
  return JSON.parse(readFileSync(join(out, 'validation.json'), 'utf8'));
}

async function decoded(uri: string): Promise<{ pixels: Buffer; width: number; height: number }> {
  const [head, bytes = ''] = uri.split(',');
  expect(head).toBe('data:image/webp;base64');
  const image = sharp(Buffer.from(bytes, 'base64'));
  expect((await image.metadata()).format).toBe('webp');
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  return { pixels: data, width: info.width, height: info.height };
}

describe("a run's validation.json", () => {
  test("has the best epoch's evaluation, and its worst mistakes as images", async () => {
    const { out, results } = await shortRun();
    const { formatVersion, epoch, evaluation, mistakes } = reportIn(out);
    expect({ formatVersion, epoch }).toEqual({ formatVersion: 1, epoch: results.best?.epoch });
    expect(evaluation).toMatchObject({ count: 60, classes: results.classes });
    expect(evaluation.accuracy).toBe(results.best?.validAccuracy);
    expect(evaluation.loss).toBeCloseTo(results.best?.validLoss as number, 6);
    expect(evaluation.confusion.flat().reduce((a, b) => a + b)).toBe(60);

    const wrong = 60 - Math.round(60 * evaluation.accuracy);
    expect(wrong).toBeGreaterThan(12);
    expect(mistakes).toHaveLength(Math.min(24, wrong));
    for (const [place, { label, top, image, activation }] of mistakes.entries()) {
      expect(top).toHaveLength(3);
      expect(top[0]?.label).not.toBe(label);
      expect(top.map(({ probability }) => probability)).toEqual(
        top.map(({ probability }) => probability).sort((a, b) => b - a),
      );
      const { pixels, ...size } = await decoded(image);
      expect(size).toEqual({ width: 96, height: 96 });
      expect(activation !== undefined).toBe(place < 12);
      if (activation === undefined) continue;
      const heated = await decoded(activation);
      expect(heated).toMatchObject(size);
      expect(heated.pixels.equals(pixels)).toBe(false);
    }
  });

  test("has the mistakes of the highest losses of the run's best model, the highest first", async () => {
    const { out } = await shortRun();
    const { mistakes, evaluation } = reportIn(out);
    const model = await DenseNet121.load(join(out, 'best.safetensors'));
    const { train, valid } = await Dataset.cifar10('sample', { train: 40, valid: 60 });
    const { data } = await model.logits(valid, { precision: 'fp32' });
    const rows = Array.from({ length: 60 }, (_, image) => [...data.subarray(image * 10, image * 10 + 10)]);
    const all = rows.map((row, image) => {
      const sum = row.reduce((total, logit) => total + Math.exp(logit), 0);
      const probabilities = row.map((logit) => Math.exp(logit) / sum);
      const label = Number(valid.labels[image]);
      const likeliest = probabilities.indexOf(Math.max(...probabilities));
      return { image, label, likeliest, loss: -Math.log(probabilities[label] as number) };
    });
    const expected = all
      .filter(({ label, likeliest }) => label !== likeliest)
      .sort((a, b) => b.loss - a.loss)
      .slice(0, 24);
    expect(mistakes.map(({ source, label, top }) => [source, label, top[0]?.label])).toEqual(
      expected.map(({ image, label, likeliest }) => [
        `image ${image + 1}`,
        valid.classes[label],
        valid.classes[likeliest],
      ]),
    );
    expect(evaluation).toEqual({
      ...(await model.evaluate(valid, { precision: 'fp32' })),
      loss: expect.closeTo(evaluation.loss, 6),
      calibrationError: expect.closeTo(evaluation.calibrationError, 6),
    });
    for (const disposable of [model, train, valid]) disposable.dispose();
  });

  test('names images by their files, and shows them in their size or several times it', async () => {
    const data = join(temporaryDirectory(), 'data');
    const train = { 'a/1.png': RED, 'a/2.png': GREEN, 'b/1.png': BLUE, 'b/2.png': BLUE };
    // The same image in both classes: of one it is a mistake.
    const valid = { 'a/same.png': RED, 'b/same.png': RED };
    await writeImages(join(data, 'train'), train);
    await writeImages(join(data, 'valid'), valid);
    const out = join(temporaryDirectory(), 'run');
    await runExperiment('finetune', { data, imageSize: 64, epochs: 1, imageCache: false, out });
    const { mistakes } = reportIn(out);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]?.source).toBe(join('valid', mistakes[0]?.label as string, 'same.png'));
    expect(mistakes[0]?.top).toHaveLength(2);
    expect(await decoded(mistakes[0]?.image as string)).toMatchObject({ width: 128, height: 128 });
  });

  test('goes when the run goes on, and is there again at its end', async () => {
    const { out } = await shortRun();
    let there: boolean | undefined;
    const results = await runExperiment(
      'finetune',
      { out, epochs: 5 },
      {
        resume: true,
        onEvent: ({ type }) => {
          if (type === 'epoch') there = existsSync(join(out, 'validation.json'));
        },
      },
    );
    expect(there).toBe(false);
    expect(reportIn(out)).toMatchObject({
      epoch: results.best?.epoch,
      evaluation: { accuracy: results.best?.validAccuracy },
    });
  });

  test('is there after a resumption that trained nothing better, from the logits of the checkpoint', async () => {
    const { out } = await shortRun();
    const before = reportIn(out);
    const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
    expect(config.options.epochs).toBe(3);
    const controller = new AbortController();
    const stopped = runExperiment(
      'finetune',
      { out, epochs: 4 },
      {
        resume: true,
        signal: controller.signal,
        onEvent: ({ type }) => type === 'resume' && controller.abort(),
      },
    );
    await expect(stopped).rejects.toThrow();
    expect(existsSync(join(out, 'validation.json'))).toBe(false);
    await runExperiment('finetune', { out, epochs: 3 }, { resume: true });
    expect(reportIn(out)).toEqual(before);
  });

  test('that cannot be written takes nothing from the run, which says so', async () => {
    const out = join(temporaryDirectory(), 'run');
    const inTheWay = join(out, 'validation.json', 'a directory');
    const reasons: string[] = [];
    const onEvent = (event: RunEvent) => {
      if (event.type === 'epoch') mkdirSync(inTheWay, { recursive: true });
      if (event.type === 'no-validation') reasons.push(event.reason);
    };
    const results = await runExperiment('finetune', { ...SMALL, limitValid: 20, out }, { onEvent });
    expect(existsSync(inTheWay)).toBe(true);
    expect(reasons).toEqual([expect.stringContaining('validation.json')]);
    expect(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'))).toEqual(results);
    expect(results.stoppedBecause).toBe('epochs');
  });

  test('is not there of a run that was stopped', async () => {
    const out = join(temporaryDirectory(), 'run');
    const controller = new AbortController();
    const onEvent = ({ type }: { type: string }) => {
      if (type === 'epoch') controller.abort();
    };
    const endless = { ...SMALL, epochs: 1_000_000, earlyStoppingPatience: 'off', out } as const;
    await expect(
      runExperiment('finetune', endless, { signal: controller.signal, onEvent }),
    ).rejects.toThrow();
    expect(existsSync(join(out, 'results.json'))).toBe(true);
    expect(existsSync(join(out, 'validation.json'))).toBe(false);
  });
});
