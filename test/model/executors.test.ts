import { cpus } from 'node:os';
import { describe, expect, test } from 'vitest';
import { loadEngine } from '../../lib/engine/engine.ts';
import type { NativeModel } from '../../lib/engine/native.ts';
import type { HostTensor, Kernels, Precision } from '../../lib/engine/native-computation.ts';
import { largestDifference } from '../parity/compare.ts';
import { numbers } from '../parity/signature.ts';
import { bands } from '../support/images.ts';
import { nativeData, nativeModel } from '../support/native.ts';
import { pretrainedModel, smallData, smallModel } from '../support/small-data.ts';

const IMAGES = 7;
/** Executors share their work among threads, of which a process of the tests has one by default. */
const THREADS = 2;

describe.runIf(loadEngine().info().cpu.kernels.length > 0)(`on ${cpus()[0]?.model}`, () => {
  // Sides of the maps from 1 to 78, odd and even.
  test.each([32, 34, 64, 97, 155])('features are those of plain modules at %i pixels', async (imageSize) => {
    const { train } = await smallData(IMAGES, 1);
    const model = await pretrainedModel({ imageSize });
    const options = { precision: 'fp32', batchSize: 5, threads: THREADS } as const;
    const { data: fast } = await model.features(train, options);
    const { data: plain } = await model.features(train, { ...options, kernels: 'libtorch' });
    expect(fast).not.toEqual(plain);
    expect(normOf(plain)).toBeGreaterThan(1);
    const difference = fast.map((value, index) => value - (plain[index] as number));
    expect(normOf(difference) / normOf(plain)).toBeLessThan(3e-6);
  });

  // Where the processor multiplies matrices of bfloat16 as such, LibTorch's products are taken.
  test.skipIf(loadEngine().info().cpu.amxBf16).each([34, 97])(
    'features in bf16 are nearer to fp32 than plain modules at %i pixels',
    async (imageSize) => {
      const { train } = await smallData(IMAGES, 1);
      const model = await pretrainedModel({ imageSize });
      const { data: exact } = await model.features(train, { precision: 'fp32', kernels: 'libtorch' });
      const difference = async (kernels: Kernels) => {
        const { data } = await model.features(train, { precision: 'bf16', kernels });
        return normOf(data.map((value, index) => value - (exact[index] as number))) / normOf(exact);
      };
      const fast = await difference('auto');
      expect(fast).toBeGreaterThan(1e-4);
      expect(fast).toBeLessThan(await difference('libtorch'));
    },
  );

  // Where a ReLU's input is near 0, rounding decides.
  test('gradients in bf16 are those in fp32 but for its rounding', async () => {
    const data = await nativeData('train', IMAGES);
    const gradients = async (precision: Precision, kernels: Kernels) => {
      const model = await nativeModel('base', { imageSize: 44, pretrained: true });
      return (
        await model.gradients(data, { precision, seed: 0, kernels, threads: THREADS }).result
      ).gradients.map(numbers);
    };
    const exact = await gradients('fp32', 'libtorch');
    const difference = async (kernels: Kernels) => {
      const rounded = await gradients('bf16', kernels);
      const differences = rounded.map((tensor, index) =>
        normOf(tensor.map((value, place) => value - (exact[index]?.[place] ?? Number.NaN))),
      );
      return normOf(differences) / normOf(exact.map(normOf));
    };
    const ours = await difference('auto');
    expect(ours).toBeGreaterThan(1e-4);
    expect(ours).toBeLessThan(1.2 * (await difference('libtorch')));
  });

  test("an image's features do not depend on its batch or on the number of threads", async () => {
    const { train } = await smallData(IMAGES, 1);
    const model = await pretrainedModel({ imageSize: 64 });
    const whole = await model.features(train, { precision: 'fp32', batchSize: IMAGES, threads: 2 });
    for (const options of [
      { batchSize: 2, threads: 2 },
      { batchSize: 3, threads: 1 },
      { batchSize: 6, threads: 2 }, // the last image alone: both threads take parts of it
      { batchSize: 4, threads: 8 },
    ]) {
      const other = await model.features(train, { precision: 'fp32', ...options });
      expect(other.data).toEqual(whole.data);
      // Its kernels were packed on other threads too.
      const fresh = await pretrainedModel({ imageSize: 64 });
      const { data } = await fresh.features(train, { precision: 'fp32', ...options });
      expect(data).toEqual(whole.data);
    }
  });

  test.each([
    ['linear', 'fp32', 10],
    ['linear', 'bf16', 37],
    ['finetune', 'fp32', 2],
    ['finetune', 'bf16', 1000],
  ] as const)(
    "an image's prediction by %s in %s does not depend on its batch",
    async (head, precision, count) => {
      // There, LibTorch's products are taken.
      if (precision === 'bf16' && loadEngine().info().cpu.amxBf16) return;
      const classes = Array.from({ length: count }, (_, index) => `class ${index}`);
      const model = await smallModel({ head, classes, imageSize: 64 });
      const images = Array.from({ length: 33 }, (_, index) =>
        bands(
          [
            [index * 7, 40, 200],
            [9, 255 - index, 30],
          ],
          64,
          64,
        ),
      );
      const alone = await Promise.all(images.map((image) => model.predict(image, { precision })));
      for (const size of [2, 5, 12, 33]) {
        const together = await model.predict(images.slice(0, size), {
          precision,
          threads: size % 2 === 0 ? 2 : 1,
        });
        expect(together).toEqual(alone.slice(0, size).flat());
      }
    },
  );

  test.each(['conv0.weight', 'norm0.bias', 'denseblock1.denselayer2.conv1.weight', 'transition1.norm.bias'])(
    'a NaN in %s shows',
    async (name) => {
      const model = await nativeModel('base', { imageSize: 44 });
      await change(model, name, (values) => values.fill(Number.NaN, 0, 1));
      const data = await nativeData('valid', 2);
      const { loss } = await model.gradients(data, { precision: 'fp32', seed: 0 }).result;
      expect(loss).toBeNaN();
      const { data: logits } = await model.logits(data, { batchSize: 2, precision: 'fp32' }, () => {}).result;
      expect(numbersOf(logits).every(Number.isNaN)).toBe(true);
    },
  );

  // Sides of conv0's maps from 16 to 29, odd and even. A ReLU behind the stem that stands at its kink may send
  // back something else: hence the tolerance.
  test.each([
    [32, ['conv0', 'norm0']],
    [36, ['conv0', 'norm0']],
    [37, ['conv0', 'norm0']],
    [57, ['conv0', 'norm0']],
    [44, ['norm0']],
    [44, ['conv0']],
  ])("the stem's gradients are those of plain modules at %i pixels, of %j", async (imageSize, trainable) => {
    const fast = await stemGradients(imageSize, trainable, 'auto');
    const plain = await stemGradients(imageSize, trainable, 'libtorch');
    expect(fast).not.toEqual(plain);
    expect(fast.map(({ name }) => name)).toEqual(
      ['conv0.weight', 'norm0.weight', 'norm0.bias']
        .filter((name) => trainable.includes(name.split('.')[0] as string))
        .map(inFeatures),
    );
    for (const [index, gradient] of fast.entries()) {
      const found = channelsOf(gradient);
      for (const [channel, expected] of channelsOf(plain[index] as HostTensor).entries()) {
        const difference = expected.map((value, i) => value - (found[channel]?.[i] as number));
        expect(normOf(difference), `${gradient.name} ${channel}`).toBeLessThanOrEqual(
          1e-2 * normOf(expected),
        );
      }
    }
  });

  const layers = [...names('denseblock3.denselayer', 24), ...names('denseblock4.denselayer', 16)];
  const behind = ['transition3', 'denseblock4'];
  test.each([
    ['the end of a block', ['denseblock3.denselayer23', 'denseblock3.denselayer24', ...behind]],
    ['layers amid frozen ones', ['denseblock3.denselayer2', 'denseblock3.denselayer24.norm1', ...behind]],
    ['layers in front of frozen ones', ['denseblock3.denselayer2', 'denseblock3.denselayer24.norm1']],
    ['norms alone', [...layers.flatMap((layer) => [`${layer}.norm1`, `${layer}.norm2`]), 'transition3.norm']],
    [
      'kernels alone',
      [...layers.flatMap((layer) => [`${layer}.conv1`, `${layer}.conv2`]), 'transition3.conv'],
    ],
  ])('where %s train the gradients are those of plain modules', async (what, trainable) => {
    const gradients = async (kernels: Kernels) => {
      const model = await nativeModel('base', { pretrained: true });
      return gradientsOf(model, { trainable, kernels, images: IMAGES });
    };
    // Rounding decides a ReLU there, which changes the gradients of all that is in front of it.
    const tolerance = what === 'norms alone' ? 5e-2 : 1e-4;
    expectClose(await gradients('auto'), await gradients('libtorch'), tolerance);
  });

  test.each(['classifier.0', 'classifier.1'])(
    'a head of which %s is frozen has the gradients of plain modules',
    async (frozen) => {
      const gradients = async (kernels: Kernels) => {
        const model = await nativeModel('finetune', { pretrained: true });
        await model.setTrainable([frozen], false).result;
        return gradientsOf(model, { kernels, images: IMAGES });
      };
      expectClose(await gradients('auto'), await gradients('libtorch'));
    },
  );

  test('layers that train while those in front of them stand still are used as they have become', async () => {
    const { train, valid } = await smallData(16, 4);
    const model = await pretrainedModel({ imageSize: 44 });
    model.freeze();
    model.unfreeze('denseblock4.denselayer16', 'norm5');
    const before = await model.features(valid, { precision: 'fp32' });
    await model.fit(train, { valid, epochs: 2, batchSize: 8, precision: 'fp32' }).result;
    const { data: fast } = await model.features(valid, { precision: 'fp32' });
    const { data: plain } = await model.features(valid, { precision: 'fp32', kernels: 'libtorch' });
    expect(fast).not.toEqual(before.data);
    const difference = fast.map((value, index) => value - (plain[index] as number));
    expect(normOf(difference) / normOf(plain)).toBeLessThan(3e-6);
  });

  test.each([
    ['all', []],
    ['unfrozen', ['norm0', 'denseblock2.denselayer3', 'denseblock4.denselayer1.norm2', 'transition2']],
  ])('running statistics of %s norms move as those of the plain modules', async (_, frozen) => {
    const after = async (kernels: Kernels) => {
      const model = await nativeModel('base', { imageSize: 44 });
      await model.setTrainable(frozen.map(inFeatures), false).result;
      const options = { precision: 'fp32', seed: 0, kernels, threads: THREADS } as const;
      await model.gradients(await nativeData('train', IMAGES), options).result;
      return (await model.state().result).filter(({ name }) => /running|tracked/.test(name));
    };
    const [fast, plain] = [await after('auto'), await after('libtorch')];
    expect(fast).toHaveLength(3 * 121);
    for (const [index, tensor] of fast.entries()) {
      const expected = numbers(plain[index] ?? tensor);
      if (frozen.some((name) => tensor.name.startsWith(`${inFeatures(name)}.`))) {
        expect(tensor).toEqual(plain[index]);
        continue;
      }
      const scale = Math.max(...expected.map(Math.abs));
      expect(largestDifference(numbers(tensor), expected), tensor.name).toBeLessThan(2e-5 * scale);
    }
  });

  test('a training gives the same bits again, and those of another number of threads nearly', async () => {
    const trained = async (threads: number) => {
      const { train, valid } = await smallData(8, 2);
      const model = await pretrainedModel({ imageSize: 64 });
      model.unfreeze();
      const { epochs } = await model.fit(train, {
        valid,
        epochs: 2,
        batchSize: 8,
        threads,
        precision: 'fp32',
      }).result;
      return epochs.map(({ trainLoss }) => trainLoss);
    };
    const [once, again, alone] = [await trained(2), await trained(2), await trained(1)];
    expect(again).toEqual(once);
    expect(largestDifference(alone, once)).toBeLessThan(1e-3);
  });
});

/**
 * Gradients of a stem with what training may bring: a norm whose scale is negative, and a channel whose pixels
 * are all equal. What is behind the stem is frozen.
 */
async function stemGradients(
  imageSize: number,
  trainable: string[],
  kernels: Kernels,
): Promise<HostTensor[]> {
  const model = await nativeModel('base', { pretrained: true, imageSize });
  await change(model, 'conv0.weight', (values) => values.fill(0, 0, values.length / 64));
  await change(model, 'norm0.weight', (values) => values.set([0.01, -1]));
  await change(model, 'norm0.bias', (values) => values.fill(1, 0, 2));
  const gradients = await gradientsOf(model, { trainable, kernels, images: 3 });
  return gradients.filter(({ name }) => name.startsWith('features.'));
}

/** Not the same, but nearly. */
function expectClose(gradients: HostTensor[], expected: HostTensor[], tolerance = 1e-4) {
  expect(gradients).not.toEqual(expected);
  expect(gradients.map(({ name }) => name)).toEqual(expected.map(({ name }) => name));
  for (const [index, gradient] of gradients.entries()) {
    const values = numbers(expected[index] as HostTensor);
    const difference = numbers(gradient).map((value, place) => value - (values[place] as number));
    expect(normOf(difference), gradient.name).toBeLessThan(tolerance * normOf(values));
  }
}

/** Gradients of a model's head and of those layers of its backbone that shall train. */
async function gradientsOf(
  model: NativeModel,
  { trainable = [], kernels, images }: { trainable?: string[]; kernels: Kernels; images: number },
): Promise<HostTensor[]> {
  await model.setTrainable(['features'], false).result;
  await model.setTrainable(trainable.map(inFeatures), true).result;
  const data = await nativeData('train', images);
  const options = { precision: 'fp32', seed: 0, kernels, threads: THREADS } as const;
  return (await model.gradients(data, options).result).gradients;
}

/** A gradient's values by the channels of conv0 that they belong to. */
function channelsOf(gradient: HostTensor): Float32Array[] {
  const values = Float32Array.from(numbers(gradient));
  const each = values.length / 64;
  return Array.from({ length: 64 }, (_, channel) => values.slice(channel * each, (channel + 1) * each));
}

/** `name1`, `name2`, ... */
function names(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}${index + 1}`);
}

function inFeatures(name: string): string {
  return `features.${name}`;
}

/** Changes the values of one of the backbone's tensors. */
async function change(model: NativeModel, name: string, values: (before: Float32Array) => void) {
  const tensor = (await model.state().result).find((one) => one.name === inFeatures(name)) as HostTensor;
  const { buffer } = Uint8Array.from(tensor.data);
  values(new Float32Array(buffer));
  await model.load([{ ...tensor, data: new Uint8Array(buffer) }]).result;
}

function normOf(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}

function numbersOf(data: Uint8Array): number[] {
  return [...new Float32Array(Uint8Array.from(data).buffer)];
}
