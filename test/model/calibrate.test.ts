import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { DenseNet121 } from '../../lib/densenet121.ts';
import { readSafetensors } from '../../lib/formats/safetensors.ts';
import { rowsOf } from '../../lib/model/logits.ts';
import type { HeadName } from '../../lib/options/head.ts';
import { BLUE, bands, GREEN, RED } from '../support/images.ts';
import { hasOnnxRuntime } from '../support/onnx-runtime.ts';
import { pretrainedModel, smallData } from '../support/small-data.ts';
import { lastingDirectory, shared, temporaryDirectory } from '../support/temporary-directory.ts';

const FP32 = { precision: 'fp32' } as const;

/** So many epochs over so few images that the model is too certain. */
const OVERFIT = {
  freeze: 'backbone',
  learningRate: 0.02,
  epochs: 20,
  earlyStoppingPatience: 'off',
  ...FP32,
} as const;

const data = () => smallData(60, 60);

/** A model that has been trained for too long. */
async function trained(head: HeadName = 'linear') {
  const { train, valid } = await data();
  const model = await pretrainedModel({ head });
  await model.fit(train, { valid, ...OVERFIT }).result;
  return { model, train, valid };
}

const saved = shared(async () => {
  const { train, valid } = await Dataset.cifar10('sample', { train: 60, valid: 60 });
  const model = await pretrainedModel();
  await model.fit(train, { valid, ...OVERFIT }).result;
  const path = join(lastingDirectory(), 'model.safetensors');
  await model.save(path);
  train.dispose();
  valid.dispose();
  return path;
});

/** The same from its file, which several tests read. */
async function read() {
  return { model: await loaded(await saved()), ...(await data()) };
}

const file = () => join(temporaryDirectory(), 'model.safetensors');

/** A model's file: the temperature of its metadata, and its tensors' values by name. */
async function contentsOf(path: string) {
  const { tensors, metadata } = await readSafetensors(path);
  return {
    temperature: metadata.temperature,
    tensors: new Map(tensors.map(({ name, data }) => [name, data])),
  };
}

async function loaded(path: string): Promise<DenseNet121> {
  const model = await DenseNet121.load(path);
  onTestFinished(() => model.dispose());
  return model;
}

/** Softmax in float64 of logits divided by a temperature. */
function softmax(logits: Float32Array, temperature: number): number[] {
  const powers = Array.from(logits, (logit) => Math.exp(logit / temperature));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

const floats = (bytes: Uint8Array | undefined) => [...new Float32Array((bytes as Uint8Array).slice().buffer)];

describe('a calibrated model', () => {
  test.each(['linear', 'finetune'] as const)(
    'gives, also from its file, the softmax of the logits by the temperature: %s',
    async (head) => {
      const { model, valid } = await trained(head);
      const logits = rowsOf(await model.logits(valid, FP32));
      const before = await model.evaluate(valid, FP32);
      const calibration = await model.calibrate(valid, FP32);
      expect(calibration.temperature).toBeGreaterThan(1.1);
      expect(calibration.isAtLimit).toBe(false);

      const path = file();
      await model.save(path);
      for (const calibrated of [model, await loaded(path)]) {
        const evaluation = await calibrated.evaluate(valid, FP32);
        const { accuracy, top5Accuracy, confusion, loss, calibrationError } = evaluation;
        expect({ accuracy, top5Accuracy, confusion }).toEqual({
          accuracy: before.accuracy,
          top5Accuracy: before.top5Accuracy,
          confusion: before.confusion,
        });
        expect(loss).toBeCloseTo(calibration.after.loss, 5);
        expect(calibrationError).toBeCloseTo(calibration.after.calibrationError, 5);
        const images = await Promise.all([0, 7, 42].map((index) => valid.pixelsAt(index)));
        const answers = await calibrated.predict(
          images.map((pixels) => ({ data: pixels, width: 32, height: 32, channels: 3 as const })),
          FP32,
        );
        for (const [place, index] of [0, 7, 42].entries()) {
          const expected = softmax(logits[index] as Float32Array, calibration.temperature);
          for (const [label, probability] of (answers[place]?.probabilities ?? []).entries())
            expect(probability).toBeCloseTo(expected[label] as number, 5);
        }
      }
      expect(calibration.before.loss).toBeCloseTo(before.loss, 6);
      expect(calibration.before.calibrationError).toBeCloseTo(before.calibrationError, 6);
      expect(calibration.after.loss).toBeLessThan(calibration.before.loss);
      expect(calibration.after.calibrationError).toBeLessThan(calibration.before.calibrationError);
      expect((await contentsOf(path)).temperature).toBe(String(calibration.temperature));
    },
  );

  test('differs in the last dense layer alone, frozen or not, and in every file and export', async () => {
    const { model, valid } = await trained();
    model.freeze('classifier');
    const paths = Array.from({ length: 4 }, file) as [string, string, string, string];
    const [before, after, best, exported] = paths;
    await model.save(before);
    const { temperature } = await model.calibrate(valid, FP32);
    await model.save(after);
    await model.saveBest(best);
    await model.export(exported, { format: 'safetensors' });
    expect(readFileSync(best).equals(readFileSync(after))).toBe(true);
    expect(readFileSync(exported).equals(readFileSync(after))).toBe(true);
    const [{ tensors: then }, { tensors: now }] = [await contentsOf(before), await contentsOf(after)];
    for (const [name, bytes] of then) {
      if (name.startsWith('classifier')) {
        const divided = floats(bytes).map((value) => Math.fround(value / temperature));
        expect(floats(now.get(name))).toEqual(divided);
      } else expect(Buffer.from(bytes).equals(now.get(name) as Uint8Array), name).toBe(true);
    }
  });

  test.skipIf(!hasOnnxRuntime())('is exported as ONNX, which gives the same probabilities', async () => {
    const { model, valid } = await read();
    await model.calibrate(valid, FP32);
    const { check } = await model.export(join(temporaryDirectory(), 'model.onnx'));
    expect(check?.largestDifference).toBeLessThan(1e-4);
  });

  test('is the same after a second calibration but for rounding, and its file says the product', async () => {
    const { model, valid } = await trained();
    const first = await model.calibrate(valid, FP32);
    const path = file();
    await model.save(path);
    const again = await loaded(path);
    const second = await again.calibrate(valid, FP32);
    expect(second.temperature).toBeCloseTo(1, 4);
    expect(second.before.loss).toBeCloseTo(first.after.loss, 6);
    const [both, best] = [file(), file()];
    await again.save(both);
    expect((await contentsOf(both)).temperature).toBe(String(first.temperature * second.temperature));
    await model.calibrate(valid, FP32);
    await model.save(both);
    await model.saveBest(best);
    expect(readFileSync(best).equals(readFileSync(both))).toBe(true);
  });

  test('is as accurate in bfloat16, and nearly as certain', async () => {
    const { model, valid } = await read();
    const before = await model.evaluate(valid, { precision: 'bf16' });
    const { after } = await model.calibrate(valid, { precision: 'bf16' });
    const { accuracy, loss } = await model.evaluate(valid, { precision: 'bf16' });
    expect(accuracy).toBeCloseTo(before.accuracy, 1);
    expect(loss).toBeCloseTo(after.loss, 2);
  });
});

describe('weights of another training are not calibrated', () => {
  test('those of a best epoch that the model does not hold', async () => {
    const { train, valid } = await data();
    const model = await pretrainedModel();
    const controller = new AbortController();
    const { signal } = controller;
    const run = model.fit(train, { valid, ...OVERFIT, epochs: 1000, signal });
    for await (const { epoch } of run) if (epoch === 3) break;
    controller.abort(new Error('enough'));
    await expect(run.result).rejects.toThrow('enough');
    const [before, after, saved] = [file(), file(), file()];
    await model.saveBest(before);
    await model.calibrate(valid, FP32);
    await model.saveBest(after);
    expect(readFileSync(after).equals(readFileSync(before))).toBe(true);
    await model.save(saved);
    expect((await contentsOf(saved)).temperature).toBeDefined();
  });

  test('those of a training that follows', async () => {
    const { model, train, valid } = await trained();
    await model.calibrate(valid, FP32);
    await model.fit(train, { valid, ...OVERFIT, epochs: 1 }).result;
    for (const save of ['save', 'saveBest'] as const) {
      const path = file();
      await model[save](path);
      expect((await contentsOf(path)).temperature).toBeUndefined();
    }
  });

  test('but a training that never began leaves them as they are', async () => {
    const { model, train, valid } = await trained();
    await model.calibrate(valid, FP32);
    const [before, after] = [file(), file()];
    await model.saveBest(before);
    const checkpoint = join(before, 'not a directory', 'checkpoint');
    await expect(model.fit(train, { valid, epochs: 1, checkpoint }).result).rejects.toMatchObject({
      code: 'WRITE_FAILED',
    });
    await model.saveBest(after);
    expect(readFileSync(after).equals(readFileSync(before))).toBe(true);
  });
});

describe('calibrate', () => {
  const images = [RED, GREEN, BLUE, GREEN].map((colour) => bands([colour], 32, 32));

  test('matches classes by name, some of which may be missing', async () => {
    const { model } = await read();
    const logits = await Dataset.fromImages(images, ['cat', 'dog', 'cat', 'dog'], { imageSize: 32 });
    const reversed = await Dataset.fromImages([...images].reverse(), ['dog', 'cat', 'dog', 'cat'], {
      imageSize: 32,
      classes: ['dog', 'cat'],
    });
    onTestFinished(() => {
      logits.dispose();
      reversed.dispose();
    });
    const path = file();
    await model.save(path);
    const [one, other] = [await loaded(path), await loaded(path)];
    const { temperature } = await one.calibrate(logits, FP32);
    expect((await other.calibrate(reversed, FP32)).temperature).toBeCloseTo(temperature, 4);
  });

  test('takes one image, and says that it is at its limit', async () => {
    const { model } = await read();
    const [prediction] = await model.predict(images.slice(0, 1));
    const one = await Dataset.fromImages(images.slice(0, 1), [prediction?.label as string], {
      imageSize: 32,
    });
    onTestFinished(() => one.dispose());
    expect(await model.calibrate(one)).toMatchObject({ temperature: 0.1, isAtLimit: true });
  });

  test('refuses unknown classes and what is no data set, and changes nothing', async () => {
    const { model, valid } = await read();
    const [before, after] = [file(), file()];
    await model.save(before);
    const unknown = await Dataset.fromImages(images, ['cat', 'dgo', 'cat', 'dgo'], { imageSize: 32 });
    onTestFinished(() => unknown.dispose());
    await expect(model.calibrate(unknown)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('dgo'),
    });
    await expect(model.calibrate([] as never)).rejects.toThrow('valid must be a Dataset');
    await expect(model.calibrate(valid, { batch: 2 } as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    const reason = new Error('enough');
    const onProgress = () => {
      throw reason;
    };
    await expect(model.calibrate(valid, { onProgress })).rejects.toBe(reason);
    await model.save(after);
    expect(readFileSync(after).equals(readFileSync(before))).toBe(true);
  });
});
