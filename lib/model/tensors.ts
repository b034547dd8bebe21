import { InputError } from '../errors.ts';
import { readSafetensors, type SafetensorsFile } from '../formats/safetensors.ts';
import type { HeadLayer } from '../options/head.ts';
import { formatOf } from '../weights/read-weights.ts';
import { type ModelMetadata, noModel, readModelMetadata } from './metadata.ts';

/**
 * Reads a whole model's file.
 *
 * @throws InputError `WEIGHTS_INVALID` if neither a model's `save` nor a run wrote it; `FILE_UNREADABLE`; the signal's
 *   reason after an abort
 */
export async function readModel(
  path: string,
  signal?: AbortSignal,
): Promise<Pick<SafetensorsFile, 'tensors'> & { metadata: ModelMetadata }> {
  // torch.save keeps nothing but tensors.
  if ((await formatOf(path)) === 'pth') throw noModel(path);
  const contents = await readSafetensors(path, signal);
  return { tensors: contents.tensors, metadata: modelMetadataOf(contents, path) };
}

/**
 * Reads the metadata of a model's file and checks it against the tensors. A model is built from the metadata, so
 * metadata that describes a larger model than the file holds would take memory in vain.
 *
 * @throws InputError `WEIGHTS_INVALID` if neither a model's `save` nor a run wrote the file
 */
export function modelMetadataOf({ tensors, metadata: text }: SafetensorsFile, file: string): ModelMetadata {
  const metadata = readModelMetadata(text, file);
  const wrong = (problem: string) =>
    new InputError('WEIGHTS_INVALID', `The metadata of ${file} does not match its tensors: ${problem}.`);
  const stored = tensors.reduce(
    (sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1),
    0,
  );
  const needed = headWeights(metadata);
  if (needed > stored)
    throw wrong(`its head has ${needed} weights, but all tensors together have ${stored} values`);
  const { classes, head } = metadata;
  const name = lastLayerName(head);
  const [outputs] = tensors.find((tensor) => tensor.name === `${name}.weight`)?.shape ?? [];
  if (outputs !== undefined && outputs !== classes.length) {
    throw wrong(`it names ${classes.length} classes, but ${name}.weight is for ${outputs}`);
  }
  return metadata;
}

/** Name of the head's last layer, the dense layer that gives the logits. */
export function lastLayerName(head: readonly HeadLayer[]): string {
  return isPooledDense(head) ? 'classifier' : `classifier.${head.length - 2}`;
}

/** Whether the head is torchvision's, pool and dense layer; only then the last layer's name has no number. */
function isPooledDense(head: readonly HeadLayer[]): boolean {
  return head.length === 2 && head[0]?.type === 'globalAveragePool';
}

/** Number of weights of the head's dense layers, without biases. */
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

/**
 * Side of the backbone's last map. The stem halves it twice, rounding up; each of three transitions once, rounding
 * down.
 */
function lastSide(imageSize: number): number {
  const stem = Math.ceil(Math.ceil(imageSize / 2) / 2);
  return Math.floor(Math.floor(Math.floor(stem / 2) / 2) / 2);
}
