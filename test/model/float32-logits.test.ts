import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readSafetensors } from '../../lib/formats/safetensors.ts';
import { HEAD_NAMES } from '../../lib/options/head.ts';
import { pretrainedModel, smallData } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * In bf16 the logits stay float32: rounded to 8 bits, likely classes would tie, and the order of the classes decide.
 */

const KERNELS = ['auto', 'libtorch'] as const;

test.each(KERNELS)(
  'logits in bf16 are those of a float32 layer on the features, by kernels %s',
  async (kernels) => {
    const model = await pretrainedModel({ head: 'linear' });
    const { valid } = await smallData(4, 20);
    const options = { precision: 'bf16', kernels } as const;
    const features = await model.features(valid, options);
    const logits = await model.logits(valid, options);
    const { weight, bias } = await layerOf(model);
    const [count, width] = features.shape as [number, number];
    for (let image = 0; image < count; image++) {
      const row = features.data.subarray(image * width, (image + 1) * width);
      for (const [label, constant] of bias.entries()) {
        const expected = row.reduce(
          (sum, value, i) => sum + value * (weight[label * width + i] ?? 0),
          constant,
        );
        expect(logits.data[image * bias.length + label]).toBeCloseTo(expected, 4);
      }
    }
  },
);

test.each(HEAD_NAMES)('few logits of the head %s in bf16 have the digits of bfloat16 alone', async (head) => {
  const model = await pretrainedModel({ head });
  const { valid } = await smallData(4, 20);
  for (const kernels of KERNELS) {
    const { data } = await model.logits(valid, { precision: 'bf16', kernels });
    const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
    expect(bits.filter((value) => (value & 0xffff) === 0).length).toBeLessThan(5);
  }
});

/** The last layer's weights `[classes, width]` and biases. */
async function layerOf(model: { save(path: string): Promise<void> }) {
  const file = join(temporaryDirectory(), 'model.safetensors');
  await model.save(file);
  const { tensors } = await readSafetensors(file);
  const values = (name: string) => {
    const stored = tensors.find((tensor) => tensor.name === name) ?? expect.fail(`there is no ${name}`);
    return new Float32Array(Uint8Array.from(stored.data).buffer);
  };
  return { weight: values('classifier.weight'), bias: values('classifier.bias') };
}
