import { onTestFinished } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { DenseNet121 } from '../../lib/densenet121.ts';
import type { CreateOptions } from '../../lib/options/model.ts';

/** A few images of the embedded sample, disposed of when the running test ends. */
export async function smallData(
  trainCount = 24,
  validCount = 12,
): Promise<{ train: Dataset; valid: Dataset }> {
  const data = await Dataset.cifar10('sample', { train: trainCount, valid: validCount });
  onTestFinished(() => {
    data.train.dispose();
    data.valid.dispose();
  });
  return data;
}

/** A model for 32 x 32 images of CIFAR-10's classes, disposed of when the running test ends. */
export async function smallModel(options: Partial<CreateOptions> = {}): Promise<DenseNet121> {
  const model = await DenseNet121.create({
    head: 'linear',
    classes: ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
    imageSize: 32,
    ...options,
  });
  onTestFinished(() => model.dispose());
  return model;
}
