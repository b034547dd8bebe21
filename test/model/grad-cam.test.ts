import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import type { RawImage } from '../../lib/data/decoding/decode.ts';
import { BLUE, bands, encode, GREEN, RED } from '../support/images.ts';
import { pretrainedModel, smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const fp32 = { precision: 'fp32' } as const;
const IMAGES = [bands([RED, GREEN, BLUE], 96, 96), bands([BLUE, RED], 96, 96)];

describe('DenseNet121.gradCam', () => {
  test("gives the likeliest class as predict does, and the map's shares of its largest value", async () => {
    const model = await smallModel({ imageSize: 96 });
    const activations = await model.gradCam(IMAGES, fp32);
    const answers = await model.predict(IMAGES, fp32);
    expect(activations.map(({ label, index }) => ({ label, index }))).toEqual(
      answers.map(({ label, index }) => ({ label, index })),
    );
    for (const [place, { probability, width, height, map }] of activations.entries()) {
      expect(probability).toBeCloseTo(answers[place]?.probability as number, 6);
      expect([width, height, map.length]).toEqual([3, 3, 9]);
      expect(Math.max(...map)).toBe(1);
      expect(Math.min(...map)).toBeGreaterThanOrEqual(0);
    }
  });

  test('is about the classes that are given', async () => {
    const model = await smallModel({ imageSize: 96 });
    const probabilities = (await model.predict(IMAGES, fp32)).map((answer) => answer.probabilities);
    const activations = await model.gradCam(IMAGES, { ...fp32, classes: ['ship', 'cat'] });
    expect(activations).toMatchObject([
      { label: 'ship', index: 8, probability: expect.closeTo(probabilities[0]?.[8] as number, 6) },
      { label: 'cat', index: 3, probability: expect.closeTo(probabilities[1]?.[3] as number, 6) },
    ]);
    const likeliest = await model.gradCam(IMAGES, fp32);
    expect(activations[0]?.map).not.toEqual(likeliest[0]?.map);
  });

  test('is hot where the class is', async () => {
    const model = await pretrainedModel({ imageSize: SIDE, classes: ['rows', 'columns'] });
    const train = await Dataset.fromImages(
      [4, 6, 8, 10, 12, 14].flatMap((period) => [
        stripes(() => 'rows', period),
        stripes(() => 'columns', period),
      ]),
      Array.from({ length: 6 }, () => ['rows', 'columns']).flat(),
      { imageSize: SIDE, classes: model.classes },
    );
    await model.fit(train, { valid: train, epochs: 20, freeze: 'backbone', learningRate: 1e-2 }).result;
    train.dispose();
    const half = stripes((x) => (x < SIDE / 2 ? 'rows' : 'columns'), 8);
    const [rows, columns] = await model.gradCam([half, half], { ...fp32, classes: ['rows', 'columns'] });
    const [forRows, forColumns] = [halves(rows?.map), halves(columns?.map)];
    expect(forRows.left).toBeGreaterThan(2 * forRows.right);
    expect(forColumns.right).toBeGreaterThan(2 * forColumns.left);
  });

  test('takes one image, files and none at all', async () => {
    const model = await smallModel();
    const path = join(temporaryDirectory(), 'ünïcode 猫.png');
    const image = bands([RED, GREEN, BLUE], 64, 40);
    writeFileSync(path, await encode(image).png().toBuffer());
    const [fromFile] = await model.gradCam(path, fp32);
    const [fromPixels] = await model.gradCam(image, fp32);
    expect(fromFile).toEqual({ ...fromPixels, path });
    expect(await model.gradCam([], fp32)).toEqual([]);
  });

  test('refuses classes that are no list, too few or unknown', async () => {
    const model = await smallModel();
    const refused = (classes: unknown) => model.gradCam(IMAGES, { classes: classes as string[] });
    await expect(refused('cat')).rejects.toThrow('classes must be a list of class names');
    await expect(refused(['cat'])).rejects.toThrow('classes has 1 names for 2 images');
    await expect(refused(['cat', 'dig'])).rejects.toThrow("'dig' (did you mean 'dog'?)");
  });

  test('refuses options of processes that share the work', async () => {
    const model = await smallModel();
    const joined = model.gradCam(IMAGES, { joinTimeout: 5 } as object);
    await expect(joined).rejects.toThrow("There is no option 'joinTimeout'");
  });

  test('leaves the model as it was', async () => {
    const model = await smallModel();
    const data = await Dataset.fromImages(IMAGES, ['cat', 'dog'], {
      imageSize: 32,
      classes: model.classes,
    });
    const { data: before } = await model.logits(data, fp32);
    const described = await model.describe();
    await model.gradCam(IMAGES, fp32);
    expect((await model.logits(data, fp32)).data).toEqual(before);
    expect(await model.describe()).toEqual(described);
    data.dispose();
  });
});

const SIDE = 128;

/** Stripes in the direction that each column of pixels has. */
function stripes(direction: (x: number) => 'rows' | 'columns', period: number): RawImage {
  const data = Uint8Array.from({ length: SIDE * SIDE }, (_, place) => {
    const [x, y] = [place % SIDE, Math.floor(place / SIDE)];
    return (direction(x) === 'rows' ? y : x) % period < period / 2 ? 200 : 50;
  });
  return { data, width: SIDE, height: SIDE, channels: 1 };
}

/** The sums of a 4 x 4 map's halves. */
function halves(map: Float32Array | undefined): { left: number; right: number } {
  const sums = { left: 0, right: 0 };
  for (const [place, heat] of map?.entries() ?? []) sums[place % 4 < 2 ? 'left' : 'right'] += heat;
  return sums;
}
