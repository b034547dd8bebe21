import { InputError } from '../errors.ts';
import type { SafetensorsFile } from '../formats/safetensors.ts';
import { type ModelMetadata, readModelMetadata } from './metadata.ts';

/**
 * The metadata of a model's file, borne out by its tensors: a model is made by it, and one that says more than is there
 * would only take memory.
 *
 * @throws InputError `WEIGHTS_INVALID` where the file was not written by a model's `save`
 */
export function modelMetadataOf({ tensors, metadata: text }: SafetensorsFile, file: string): ModelMetadata {
  const metadata = readModelMetadata(text, file);
  const wrong = (problem: string) =>
    new InputError('WEIGHTS_INVALID', `The metadata of ${file} is not that of its tensors: ${problem}.`);
  const there = tensors.reduce(
    (sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1),
    0,
  );
  const needed = headWeights(metadata);
  if (needed > there)
    throw wrong(`its head has ${needed} weights, but all tensors together have ${there} values`);
  const { classes, head } = metadata;
  const name = isPooledDense(metadata) ? 'classifier' : `classifier.${head.length - 2}`;
  const [outputs] = tensors.find((tensor) => tensor.name === `${name}.weight`)?.shape ?? [];
  if (outputs !== undefined && outputs !== classes.length) {
    throw wrong(`it names ${classes.length} classes, but ${name}.weight is for ${outputs}`);
  }
  return metadata;
}

/** The last layer's name, as torchvision has it, is without a number only then. */
function isPooledDense({ head }: ModelMetadata): boolean {
  return head.length === 2 && head[0]?.type === 'globalAveragePool';
}

/** Of the dense layers, without biases. */
function headWeights({ head, imageSize, classes }: ModelMetadata): number {
  let inputs = 1024;
  let weights = 0;
  for (const layer of head) {
    if (layer.type === 'flatten') inputs *= lastSide(imageSize) ** 2;
    if (layer.type !== 'dense') continue;
    const outputs = layer.units === 'classes' ? classes.length : layer.units;
    weights += inputs * outputs;
    inputs = outputs;
  }
  return weights;
}

/** Of the backbone's last map: the stem halves twice, rounding up, each of three transitions once, rounding down. */
function lastSide(imageSize: number): number {
  const stem = Math.ceil(Math.ceil(imageSize / 2) / 2);
  return Math.floor(Math.floor(Math.floor(stem / 2) / 2) / 2);
}
