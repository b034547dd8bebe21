import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { logSoftmax, ranking, rowsOf } from '../../lib/model/logits.ts';
import { sampleImages } from '../support/native.ts';
import { lacking, python, pythonLacks } from '../support/python.ts';
import { pretrainedModel, smallData } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { largestDifference } from './compare.ts';

const SCRIPT = fileURLToPath(new URL('exported_model.py', import.meta.url));
const PACKAGES = ['torch', 'torchvision', 'safetensors', 'numpy'];
const COUNT = 40;
const IMAGE_SIZE = 64;

const top = (probabilities: Float64Array) => ranking(probabilities)[0];

test('a model trained here and exported gives in PyTorch what it gives here', async ({ skip }) => {
  skip(pythonLacks(...PACKAGES), lacking(...PACKAGES));
  const directory = temporaryDirectory();
  const { train, valid } = await smallData(COUNT, COUNT);
  const model = await pretrainedModel({ head: 'finetune', imageSize: IMAGE_SIZE });
  model.freeze();
  await model.fit(train, { valid, epochs: 2, precision: 'fp32' }).result;

  const files = ['model.pth', 'model.safetensors'].map((name) => join(directory, name));
  for (const file of files) await model.export(file);
  const images = await sampleImages('valid', COUNT);
  const pixels = join(directory, 'pixels');
  writeFileSync(pixels, images.pixels);
  const printed = await python(
    SCRIPT,
    'finetune',
    String(IMAGE_SIZE),
    pixels,
    String(images.width),
    ...files,
  );

  const data = Dataset.of(
    { name: 'sample', source: 'the sample', classes: model.classes, resize: null },
    images,
  );
  onTestFinished(() => data.dispose());
  const logits = rowsOf(await model.logits(data, { precision: 'fp32' }));
  const ours = logits.map((row) => logSoftmax(row).map(Math.exp));
  for (const answer of JSON.parse(printed) as number[][][]) {
    const theirs = answer.map((row) => Float64Array.from(row));
    expect(theirs.map(top)).toEqual(ours.map(top));
    for (const [index, row] of theirs.entries()) {
      expect(largestDifference(row, ours[index] ?? [])).toBeLessThan(1e-5);
    }
  }
});
