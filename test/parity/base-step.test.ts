import { expect, test } from 'vitest';
import type { NativeModel } from '../../lib/engine/native.ts';
import type { HostTensor, Kernels } from '../../lib/engine/native-computation.ts';
import { nativeData, nativeModel, nativeTraining } from '../support/native.ts';
import { expectSignatures, signatureDifference } from './compare.ts';
import { type Fixture, numbers, readFixture, signature } from './signature.ts';

const OPTIONS = { precision: 'fp32', seed: 0, threads: 2 } as const;

const isStatistic = ({ name }: HostTensor) => /\.(running_mean|running_var|num_batches_tracked)$/.test(name);

test.for([
  ['base-step', false],
  ['base-step-pretrained', true],
] as const)("%s: PyTorch's loss and running statistics", async ([name, pretrained]) => {
  const fixture = await readFixture(name);
  const model = await nativeModel('base', { pretrained });
  const { loss } = await model.gradients(await images(fixture), OPTIONS).result;
  expect(loss).toBeCloseTo(fixture.tensors.get('loss')?.[0] ?? Number.NaN, 5);
  expectSignatures(fixture, 'after/', (await model.state().result).filter(isStatistic), 1e-4);
});

test("base-step-pretrained: every gradient is PyTorch's", async () => {
  const fixture = await readFixture('base-step-pretrained');
  const model = await nativeModel('base', { pretrained: true });
  const data = await images(fixture);
  const { gradients } = await model.gradients(data, OPTIONS).result;
  expect(gradients).toHaveLength(364);
  expectSignatures(fixture, 'gradient/', gradients, 1e-4);
});

test.each<Kernels>(['auto', 'libtorch'])(
  "base-step-odd: every gradient is PyTorch's in float64 (kernels: %s)",
  async (kernels) => {
    const fixture = await readFixture('base-step-odd');
    const model = await nativeModel('base', { pretrained: true, imageSize: 44 });
    const data = await images(fixture);
    const { loss, gradients } = await model.gradients(data, { ...OPTIONS, kernels }).result;
    expect(loss).toBeCloseTo(fixture.tensors.get('loss')?.[0] ?? Number.NaN, 5);
    expect(gradients).toHaveLength(364);
    expectSignatures(fixture, 'gradient/', gradients, 1e-4);
  },
);

test("base-step: gradients are of the right size where ReLU's kinks allow no more", async () => {
  const fixture = await readFixture('base-step');
  const model = await nativeModel('base');
  const data = await images(fixture);
  const { gradients } = await model.gradients(data, OPTIONS).result;
  // Its gradient is nearly nothing: the norms that follow undo its scale (test/fixtures/README.md).
  const compared = gradients.filter(({ name }) => name !== 'features.norm0.weight');
  const differences = compared.map((gradient) =>
    signatureDifference(gradient, fixture.tensors.get(`gradient/${gradient.name}`) ?? []),
  );
  expect(differences.sort((a, b) => a - b)[Math.floor(differences.length / 2)]).toBeLessThan(0.02);
});

test('base-step-pretrained: one step of Adam changes every parameter as PyTorch does', async () => {
  const fixture = await readFixture('base-step-pretrained');
  const model = await nativeModel('base', { pretrained: true });
  const before = await parameters(model);
  await nativeTraining(model, await images(fixture), await nativeData('valid', 2), { threads: 2 });
  for (const [index, tensor] of (await parameters(model)).entries()) {
    const expected = fixture.tensors.get(`after/${tensor.name}`)?.[0] ?? Number.NaN;
    const norm = signature(numbers(tensor))[0] ?? Number.NaN;
    expect(Math.abs(norm - expected), tensor.name).toBeLessThanOrEqual(1e-3 * expected);
    expect(Buffer.from(tensor.data).equals(Buffer.from(before[index]?.data ?? [])), tensor.name).toBe(false);
  }
});

function images({ facts }: Fixture) {
  return nativeData('train', facts.train as number, facts.first as number);
}

async function parameters(model: NativeModel): Promise<HostTensor[]> {
  return (await model.state().result).filter((tensor) => !isStatistic(tensor));
}
