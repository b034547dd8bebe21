import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { DenseNet121 } from '../../lib/densenet121.ts';
import { BLUE, bands, encode, GREEN, RED, writeImages } from '../support/images.ts';
import { smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const fp32 = { precision: 'fp32' } as const;

describe('DenseNet121.predict', () => {
  test('gives the softmax of the logits, best first', async () => {
    const model = await smallModel({ classes: ['x', 'y', 'z'] });
    const image = bands([RED, GREEN, BLUE], 48, 32);
    const [answer, ...none] = await model.predict(image, { ...fp32, topK: 2 });
    const data = await Dataset.fromImages([image], ['x'], { imageSize: 32 });
    const exponentials = [...(await model.logits(data, fp32)).data].map(Math.exp);
    const sum = exponentials.reduce((a, b) => a + b);
    const expected = exponentials.map((value) => value / sum);
    expect(none).toEqual([]);
    expect(answer?.probabilities).toEqual(expected.map((value) => expect.closeTo(value, 12)));
    const index = expected.indexOf(Math.max(...expected));
    const best = { label: model.classes[index], index, probability: answer?.probabilities[index] };
    expect(answer).toMatchObject(best);
    expect(answer?.top).toHaveLength(2);
    expect(answer?.top[0]).toEqual(best);
    expect(answer?.top[1]?.probability).toBeLessThanOrEqual(best.probability as number);
    expect(answer).not.toHaveProperty('path');
  });

  test('takes files, encoded bytes and pixels, in their order, and prepares them as training images are', async () => {
    const directory = temporaryDirectory();
    const image = bands([RED, GREEN, BLUE], 64, 40);
    const bytes = await encode(image).png().toBuffer();
    const path = join(directory, 'ünïcode 猫.png');
    writeFileSync(path, bytes);
    const model = await smallModel({ resize: 'contain' });
    const answers = await model.predict([path, bytes, image, bands([RED], 32, 32)], fp32);
    expect(answers.map((answer) => answer.path)).toEqual([path, undefined, undefined, undefined]);
    const [first, second, third, other] = answers.map(({ probabilities }) => probabilities);
    expect(second).toEqual(first);
    expect(third).toEqual(first);
    expect(other).not.toEqual(first);
    const data = await Dataset.fromImages([path], ['cat'], { imageSize: 32, resize: 'contain' });
    const { data: logits } = await model.logits(data, fp32);
    const difference = (a: number, b: number) => Math.log((first?.[a] as number) / (first?.[b] as number));
    expect(difference(0, 1)).toBeCloseTo((logits[0] as number) - (logits[1] as number), 4);
  });

  test('of a model that was saved and loaded is the same', async () => {
    const directory = temporaryDirectory();
    await writeImages(directory, { 'a.png': RED, 'b.jpg': BLUE });
    const inputs = ['a.png', 'b.jpg'].map((name) => join(directory, name));
    const model = await smallModel({ resize: 'stretch' });
    await model.save(join(directory, 'model.safetensors'));
    const loaded = await DenseNet121.load(join(directory, 'model.safetensors'));
    expect(loaded.resize).toBe('stretch');
    expect(await loaded.predict(inputs, fp32)).toEqual(await model.predict(inputs, fp32));
    loaded.dispose();
  });

  test('names at most five classes, or as many as there are', async () => {
    const image = bands([RED], 32, 32);
    const ten = await (await smallModel()).predict(image);
    expect(ten[0]?.top).toHaveLength(5);
    const two = await (await smallModel({ classes: ['x', 'y'] })).predict(image);
    expect(two[0]?.top).toHaveLength(2);
  });

  test('of nothing is nothing', async () => {
    expect(await (await smallModel()).predict([])).toEqual([]);
  });

  test('leaves out what cannot be decoded where that is asked for, and says which, as Grad-CAM does', async () => {
    const model = await smallModel();
    const broken = join(temporaryDirectory(), 'broken.png');
    writeFileSync(broken, 'no image');
    const [red, blue] = [bands([RED], 32, 32), bands([BLUE], 32, 32)];
    const inputs = [Buffer.from('x'), red, broken, blue];
    const skipped: unknown[] = [];
    const options = { ...fp32, skipCorrupt: true, onSkipped: (left: unknown) => skipped.push(left) };
    expect(await model.predict(inputs, options)).toEqual(await model.predict([red, blue], fp32));
    const classes = ['cat', 'cat', 'dog', 'dog'];
    const maps = await model.gradCam(inputs, { ...options, classes });
    expect(maps).toEqual(await model.gradCam([red, blue], { ...fp32, classes: ['cat', 'dog'] }));
    const left = [
      { index: 0, path: 'the image at index 0', reason: expect.any(String) },
      { index: 2, path: broken, reason: expect.any(String) },
    ];
    expect(skipped).toEqual([left, left]);
    expect(await model.predict(broken, options)).toEqual([]);
    expect(await model.predict([red], options)).toHaveLength(1);
    expect(skipped).toHaveLength(3);
    await expect(model.gradCam(broken)).rejects.toThrow('`skipCorrupt: true`');
    model.dispose();
  });

  test('names every image that cannot be decoded', async () => {
    const model = await smallModel();
    const failed = model.predict(['/nowhere/a.png', bands([RED], 32, 32), Buffer.from('no')]);
    await expect(failed).rejects.toMatchObject({ name: 'InputError', code: 'DATA_INVALID' });
    await expect(failed).rejects.toThrow(/2 of 3 .*\/nowhere\/a\.png: .*\(ENOENT\).*image at index 2: /s);
  });

  test.each<[string, unknown, object, string]>([
    ['what is no image', [7], {}, 'inputs[0] must be a path'],
    ['a misspelt option', 'a.png', { topk: 1 }, "did you mean 'topK'?"],
    ['no classes', 'a.png', { topK: 0 }, 'topK must be an integer from 1 to 1000000'],
    ['processes that share the work', 'a.png', { distributed: 'auto' }, "There is no option 'distributed'"],
    ['warnings of data', 'a.png', { onWarning: () => {} }, "There is no option 'onWarning'"],
  ])('refuses %s', async (_, inputs, options, message) => {
    const model = await smallModel();
    await expect(model.predict(inputs as never, options)).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
    );
  });

  test("stops with the signal's reason", async () => {
    const model = await smallModel();
    const reason = new Error('enough');
    const predicting = model.predict(bands([RED], 32, 32), { signal: AbortSignal.abort(reason) });
    await expect(predicting).rejects.toBe(reason);
  });
});
