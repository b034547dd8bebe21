import { DenseNet121 } from '../densenet121.ts';
import type { ModelDescription } from '../model/description.ts';
import { experimentName, experiments, PAPER } from './paper.ts';

/**
 * The model of an experiment at an image size, layer by layer.
 *
 * @throws InputError `INVALID_ARGUMENT`
 */
export async function describeExperiment(name: string, imageSize: number): Promise<ModelDescription> {
  const { head, frozenBackbone } = experiments[experimentName(name)];
  const classes = Array.from({ length: PAPER.classCount }, (_, index) => `class ${index}`);
  const model = await DenseNet121.create({ weights: null, head, classes, imageSize, device: 'cpu' });
  try {
    if (frozenBackbone) model.freeze();
    return await model.describe();
  } finally {
    model.dispose();
  }
}
