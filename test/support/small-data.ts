import { onTestFinished } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { type OpenedData, openData } from '../../lib/data/source.ts';
import { DenseNet121 } from '../../lib/densenet121.ts';
import type { CreateOptions } from '../../lib/options/model.ts';

/** A few images of the embedded sample, disposed of when the running test ends. */
export async function smallData(
  trainCount = 24,
  validCount = 12,
): Promise<{ train: Dataset; valid: Dataset }> {
  const { train, valid, ...origin } = await sampleOf(trainCount, validCount);
  const data = { train: Dataset.of(origin, train), valid: Dataset.of(origin, valid) };
  onTestFinished(() => {
    data.train.dispose();
    data.valid.dispose();
  });
  return data;
}

/** Images by their counts, which are read once. */
const samples = new Map<string, Promise<OpenedData>>();

function sampleOf(train: number, valid: number): Promise<OpenedData> {
  const counts = `${train} ${valid}`;
  const sample = samples.get(counts) ?? openData('sample', { limits: { train, valid } });
  samples.set(counts, sample);
  return sample;
}

/**
 * A model for 32 x 32 images of CIFAR-10's classes, disposed of when the running test ends. Its weights are drawn,
 * which takes a third of the time of reading some.
 */
export async function smallModel(options: Partial<CreateOptions> = {}): Promise<DenseNet121> {
  const model = await DenseNet121.create({
    head: 'linear',
    classes: ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
    imageSize: 32,
    weights: null,
    ...options,
  });
  onTestFinished(() => model.dispose());
  return model;
}

/** The same over the embedded backbone. */
export function pretrainedModel(options: Partial<CreateOptions> = {}): Promise<DenseNet121> {
  return smallModel({ weights: 'tiny-imagenet-distilled', ...options });
}
