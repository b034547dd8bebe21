import { cpus } from 'node:os';
import { describe, expect, test } from 'vitest';
import { loadEngine } from '../../lib/native.ts';
import { program } from '../cli/torch-tl.ts';
import { smallData, smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const PICTURES = 7;

/** Prints the embedded backbone's features of some pictures, as numbers. */
const FEATURES = (imageSize: number) => `
  import { Dataset, DenseNet121 } from 'torch-tl';
  const { train } = await Dataset.cifar10('sample', { train: ${PICTURES}, valid: 1 });
  const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: ${imageSize} });
  const { data } = await model.features(train, { precision: 'fp32', batchSize: 5 });
  console.log(JSON.stringify([...data]));`;

async function features(imageSize: number, kernels: 'on' | 'off'): Promise<number[]> {
  const options = { cwd: temporaryDirectory(), env: { TORCH_TL_KERNELS: kernels } };
  const { stdout } = await program(FEATURES(imageSize), options);
  return JSON.parse(stdout) as number[];
}

describe.runIf(loadEngine().info().cpu.avx2)(`on ${cpus()[0]?.model}`, () => {
  // Sides of the maps from 1 to 39, odd and even.
  test.each([32, 64, 97, 155])(
    'the kernels give what the plain modules give at %i pixels',
    async (imageSize) => {
      const fast = await features(imageSize, 'on');
      const plain = await features(imageSize, 'off');
      expect(fast).not.toEqual(plain);
      const difference = fast.map((value, index) => value - (plain[index] as number));
      expect(normOf(plain)).toBeGreaterThan(1);
      expect(normOf(difference) / normOf(plain)).toBeLessThan(3e-6);
    },
  );

  test("a picture's features do not depend on its batch or on the number of threads", async () => {
    const { train } = await smallData(PICTURES, 1);
    const model = await smallModel({ imageSize: 64 });
    const whole = await model.features(train, { precision: 'fp32', batchSize: PICTURES, threads: 2 });
    for (const options of [
      { batchSize: 2, threads: 2 },
      { batchSize: 3, threads: 1 },
    ]) {
      const other = await model.features(train, { precision: 'fp32', ...options });
      expect(other.data).toEqual(whole.data);
    }
  });
});

function normOf(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
