import type { LayerDescription } from '../engine/native.ts';

/** Layers of a model and numbers of its parameters. */
export interface ModelDescription {
  /** Side length of the input images in pixels. */
  imageSize: number;
  trainableParameters: number;
  frozenParameters: number;
  totalParameters: number;
  /** Leaf layers, in the order of the forward pass. */
  layers: LayerDescription[];
}

/** Adds the totals of the layers' parameters. */
export function descriptionOf(imageSize: number, layers: LayerDescription[]): ModelDescription {
  const count = (counted: LayerDescription[]) => counted.reduce((sum, layer) => sum + layer.parameters, 0);
  const trainableParameters = count(layers.filter((layer) => layer.trainable));
  const totalParameters = count(layers);
  const frozenParameters = totalParameters - trainableParameters;
  return { imageSize, trainableParameters, frozenParameters, totalParameters, layers };
}
