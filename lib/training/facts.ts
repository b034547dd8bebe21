import type { Dataset } from '../data/dataset.ts';
import type { Fact } from '../distributed/agreement.ts';
import { flagOf, trainingOptions } from '../options/index.ts';
import { sha256 } from '../support/hash.ts';
import { type CheckpointState, plainOptions } from './checkpoint.ts';
import type { Search } from './learning-rate.ts';
import type { Training } from './train.ts';

/*
 * What all processes of a job must have alike before they train together.
 */

/** Options by which each process may go its own way: where it computes and keeps its files. */
const OWN = ['threads', 'kernels', 'featureCache', 'checkpointMinutes', 'joinTimeout', 'collectiveTimeout'];

/** Options as facts, but for those of the given names. */
export function optionFacts(options: Record<string, unknown>, but: readonly string[]): Fact[] {
  return Object.entries(plainOptions(options))
    .filter(([name]) => !but.includes(name))
    .map(([name, value]) => ({ name, flag: flagOf(name) ?? name, value }));
}

/** The facts of a training, with the hashes of its data. */
export async function trainingFacts(
  run: Pick<Training, 'model' | 'description' | 'device' | 'computation' | 'options' | 'layers'>,
  { data }: Pick<CheckpointState, 'data'>,
): Promise<Fact[]> {
  return [
    ...(await commonFacts(run)),
    { name: 'the training images', value: data.train },
    { name: 'the validation images', value: data.valid },
  ];
}

/** The facts of a learning-rate search. */
export async function searchFacts(search: Search, signal: AbortSignal): Promise<Fact[]> {
  const { start, end, steps } = search.options;
  const range = Object.entries({ start, end, steps });
  return [
    ...(await commonFacts(search)),
    ...range.map(([name, value]) => ({ name, flag: `--${name}`, value })),
    { name: 'the training images', value: await hashOf(search.data, signal) },
  ];
}

async function commonFacts({
  model,
  // All take the weights of the first.
  description: { weights, ...description },
  device,
  computation: { precision },
  options,
  layers,
}: Pick<Training, 'model' | 'description' | 'device' | 'computation' | 'layers'> & {
  options: object;
}): Promise<Fact[]> {
  const checked = trainingOptions.strip().parse(options);
  return [
    ...optionFacts(checked, [...OWN, 'precision']),
    { name: 'featureCache', flag: '--no-feature-cache', value: checked.featureCache !== false },
    { name: 'the kind of device', value: device === 'cpu' ? 'cpu' : 'cuda' },
    { name: 'precision', flag: '--precision', value: precision },
    { name: 'the shapes of the model', value: await hashOfJson(model.tensors()) },
    { name: 'the head, classes and preprocessing of the model', value: await hashOfJson(description) },
    { name: 'the layers that train', value: await hashOfJson(layers.trainable) },
  ];
}

function hashOfJson(value: unknown): Promise<string> {
  return sha256([Buffer.from(JSON.stringify(value))]);
}

/** SHA-256 of images and labels. */
export async function hashOf(data: Dataset, signal: AbortSignal): Promise<string> {
  const { buffer, byteOffset, byteLength } = data.labels;
  return sha256([
    Buffer.from(await data.pixelsSha256(signal)),
    new Uint8Array(buffer, byteOffset, byteLength),
  ]);
}
