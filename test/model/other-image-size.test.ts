import { expect, onTestFinished, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { bands, GREEN, RED } from '../support/images.ts';
import { smallData, smallModel } from '../support/small-data.ts';

/** Two images of each of the classes, read at a size. */
async function imagesOf(imageSize: number, classes: readonly string[]): Promise<Dataset> {
  const images = [RED, GREEN, RED, GREEN].map((colour, index) => bands([colour, [index, 0, 0]], 64, 64));
  const labels = images.map((_, index) => index % classes.length);
  const data = await Dataset.fromImages(images, labels, { imageSize, classes });
  onTestFinished(() => data.dispose());
  return data;
}

/** The process warnings of data that some work causes. */
async function warningsOf(work: () => Promise<unknown>): Promise<string[]> {
  const heard: string[] = [];
  const hear = (warning: Error & { code?: string }) => heard.push(`${warning.code}: ${warning.message}`);
  process.on('warning', hear);
  onTestFinished(() => void process.off('warning', hear));
  await work();
  // Warnings are emitted on the next tick.
  await new Promise(setImmediate);
  process.off('warning', hear);
  return heard.filter((text) => text.startsWith('TORCH_TL_OTHER_IMAGE_SIZE'));
}

test.each([64, 48])('images read at %i pixels, for a model of 32, are warned of', async (imageSize) => {
  const model = await smallModel({ classes: ['red', 'green'] });
  const data = await imagesOf(imageSize, model.classes);
  const message = `of data were read at ${imageSize} x ${imageSize} pixels, but the model takes 32 x 32`;
  for (const work of [() => model.evaluate(data), () => model.features(data), () => model.calibrate(data)]) {
    expect(await warningsOf(work)).toEqual([expect.stringContaining(message)]);
  }
  const kinds: string[] = [];
  const onWarning = ({ kind }: { kind: string }) => kinds.push(kind);
  expect(await warningsOf(() => model.evaluate(data, { onWarning }))).toEqual([]);
  expect(kinds).toEqual(['other-image-size']);
  const fit = { valid: data, epochs: 1, batchSize: 2, freeze: 'backbone' } as const;
  expect(await warningsOf(() => model.fit(data, fit).result)).toHaveLength(2);
  const told: string[] = [];
  const tell = ({ kind, message }: { kind: string; message: string }) =>
    told.push(`${kind} ${message.match(/of (train|valid)/)?.[1]}`);
  expect(await warningsOf(() => model.fit(data, { ...fit, onWarning: tell }).result)).toEqual([]);
  expect(told).toEqual(['other-image-size train', 'other-image-size valid']);
});

test("images of the model's size are not, nor those that were not read from files", async () => {
  const model = await smallModel({ classes: ['red', 'green'] });
  const data = await imagesOf(32, model.classes);
  expect(await warningsOf(() => model.evaluate(data))).toEqual([]);
  const larger = await smallModel({ imageSize: 48 });
  const { train } = await smallData(4, 2);
  expect(await warningsOf(() => larger.features(train))).toEqual([]);
});
