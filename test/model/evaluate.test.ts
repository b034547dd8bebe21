import { describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { evaluation } from '../../lib/model/evaluate.ts';
import { logSoftmax } from '../../lib/model/logits.ts';
import { wilsonInterval } from '../../lib/support/interval.ts';
import metrics from '../fixtures/metrics.json' with { type: 'json' };
import { bands, GREEN, RED } from '../support/images.ts';
import { smallData, smallModel } from '../support/small-data.ts';

/** Intervals of a half of so many images. */
const intervals = (predicted: number, images: number) => ({
  precisionInterval95: wilsonInterval(0.5, predicted),
  recallInterval95: wilsonInterval(0.5, images),
});

describe('evaluation', () => {
  test('is what is computed by hand', () => {
    const logits = [
      [2, 1, 0], // a, taken for a
      [0, 1, 0], // a, taken for b
      [1, 3, 1], // b, taken for b
      [4, 3, 0], // b, taken for a
    ].map((row) => Float32Array.from(row));
    const { loss, calibrationError, reliability, ...rest } = evaluation(
      logits,
      [0, 0, 1, 1],
      ['a', 'b', 'c'],
    );
    expect(rest).toEqual({
      accuracy: 0.5,
      accuracyInterval95: wilsonInterval(0.5, 4),
      top5Accuracy: 1,
      top5AccuracyInterval95: wilsonInterval(1, 4),
      balancedAccuracy: 0.5,
      macroF1: 0.5,
      count: 4,
      classes: ['a', 'b', 'c'],
      confusion: [
        [1, 1, 0],
        [1, 1, 0],
        [0, 0, 0],
      ],
      perClass: [
        { label: 'a', precision: 0.5, recall: 0.5, f1: 0.5, count: 2, ...intervals(2, 2) },
        { label: 'b', precision: 0.5, recall: 0.5, f1: 0.5, count: 2, ...intervals(2, 2) },
        {
          ...{ label: 'c', precision: 0, recall: 0, f1: 0, count: 0 },
          ...{ precisionInterval95: [0, 1], recallInterval95: [0, 1] },
        },
      ],
    });
    // log(1 + e^-1 + e^-2), log(2 + e), log(1 + 2 e^-2), log(e + 1 + e^-3)
    expect(loss).toBeCloseTo((0.4076059644 + 1.5514447139 + 0.2395447662 + 1.3265626413) / 4, 9);
    // Each answer is in a bin of its own: 1 - 0.665, 0.576, 1 - 0.787, 0.721.
    expect(calibrationError).toBeCloseTo((0.3347590442 + 0.5761168848 + 0.2130139589 + 0.7213991842) / 4, 6);
    expect(reliability).toEqual([
      { confidence: expect.closeTo(0.5761168848, 6), accuracy: 0, count: 1 },
      { confidence: expect.closeTo(0.6652409558, 6), accuracy: 1, count: 1 },
      { confidence: expect.closeTo(0.7213991842, 6), accuracy: 0, count: 1 },
      { confidence: expect.closeTo(0.7869860411, 6), accuracy: 1, count: 1 },
    ]);
  });

  test('finds answers that are right as often as they claim calibrated, however sure they are', () => {
    const sure = (probability: number) => Float32Array.from([Math.log(probability / (1 - probability)), 0]);
    const labels = (right: number) => [...new Array(right).fill(0), ...new Array(10 - right).fill(1)];
    const calibration = (probability: number, right: number) =>
      evaluation(new Array(10).fill(sure(probability)), labels(right), ['a', 'b']).calibrationError;
    expect(calibration(0.8, 8)).toBeCloseTo(0, 6);
    expect(calibration(0.8, 6)).toBeCloseTo(0.2, 6);
  });

  test.each(metrics)(
    "has scikit-learn's figures and NumPy's calibration of $classes classes",
    ({ logits, labels, classes, figures, calibrationError, reliability }) => {
      const names = Array.from({ length: classes }, (_, index) => `class ${index}`);
      const rows = logits.map((row) => Float32Array.from(row));
      const found = evaluation(rows, labels, names);
      for (const [name, value] of Object.entries(figures)) {
        const difference = Math.abs(found[name as keyof typeof figures] - value);
        expect(difference, name).toBeLessThanOrEqual(1e-12);
      }
      // Probabilities are rounded to float32.
      expect(found.calibrationError).toBeCloseTo(calibrationError, 7);
      expect(found.reliability).toEqual(
        reliability.map(({ confidence, accuracy, count }) => ({
          confidence: expect.closeTo(confidence, 7),
          accuracy: expect.closeTo(accuracy, 12),
          count,
        })),
      );
    },
  );

  test('tells precision from recall', () => {
    const takenFor = (index: number) => Float32Array.from([0, 0], (_, place) => (place === index ? 1 : 0));
    const logits = [0, 0, 0, 1].map(takenFor);
    const { perClass } = evaluation(logits, [0, 0, 1, 1], ['a', 'b']);
    expect(perClass).toEqual([
      {
        ...{ label: 'a', precision: 2 / 3, recall: 1, f1: 0.8, count: 2 },
        precisionInterval95: wilsonInterval(2 / 3, 3),
        recallInterval95: wilsonInterval(1, 2),
      },
      {
        ...{ label: 'b', precision: 1, recall: 0.5, f1: 2 / 3, count: 2 },
        precisionInterval95: wilsonInterval(1, 1),
        recallInterval95: wilsonInterval(0.5, 2),
      },
    ]);
  });

  test('counts a class among the five likeliest, of equals the earlier ones', () => {
    const classes = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const falling = Float32Array.from([7, 6, 5, 4, 3, 2, 1]);
    const top5 = (label: number, logits = falling) => evaluation([logits], [label], classes).top5Accuracy;
    expect([top5(4), top5(5)]).toEqual([1, 0]);
    const equal = new Float32Array(7);
    expect([top5(4, equal), top5(5, equal)]).toEqual([1, 0]);
  });

  test('stays finite for logits of any size', () => {
    const { loss } = evaluation([Float32Array.from([1e4, -1e4])], [1], ['a', 'b']);
    expect(loss).toBe(20_000);
  });
});

describe('DenseNet121.evaluate', () => {
  test("is what the model's logits say", async () => {
    const { train } = await smallData(20);
    const model = await smallModel();
    const logits = await model.logits(train, { precision: 'fp32' });
    const evaluated = await model.evaluate(train, { precision: 'fp32', batchSize: 20 });
    const rows = Array.from({ length: 20 }, (_, index) => logits.data.subarray(index * 10, index * 10 + 10));
    const losses = rows.map((row, index) => -Number(logSoftmax(row)[Number(train.labels[index])]));
    expect(evaluated.loss).toBeCloseTo(losses.reduce((sum, loss) => sum + loss) / 20, 6);
    const right = rows.filter((row, index) => row.indexOf(Math.max(...row)) === Number(train.labels[index]));
    expect(evaluated).toMatchObject({ accuracy: right.length / 20, count: 20, classes: model.classes });
    expect(evaluated.confusion.map((row) => row.reduce((sum, count) => sum + count))).toEqual(
      Array(10).fill(2),
    );
  });

  test("matches the data's classes by name, of which there may be fewer", async () => {
    const model = await smallModel();
    const images = [bands([RED], 32, 32), bands([GREEN], 32, 32)];
    const data = await Dataset.fromImages(images, ['ship', 'frog'], { imageSize: 32 });
    expect(data.classes).toEqual(['frog', 'ship']);
    const { perClass } = await model.evaluate(data);
    expect(perClass.filter(({ count }) => count > 0).map(({ label }) => label)).toEqual(['frog', 'ship']);
  });

  test('names the classes that the model does not know, and refuses what is no data', async () => {
    const model = await smallModel();
    const data = await Dataset.fromImages([bands([RED], 32, 32)], ['hip'], { imageSize: 32 });
    await expect(model.evaluate(data)).rejects.toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining("unknown classes: 'hip' (did you mean 'ship'?)"),
      }),
    );
    await expect(model.evaluate([] as never)).rejects.toThrow('data must be a Dataset');
    data.dispose();
    const known = await Dataset.fromImages([bands([RED], 32, 32)], ['ship'], { imageSize: 32 });
    known.dispose();
    await expect(model.evaluate(known)).rejects.toThrow(expect.objectContaining({ code: 'DISPOSED' }));
  });
});
