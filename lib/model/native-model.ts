import { loadEngine } from '../engine/engine.ts';
import type { NativeModel } from '../engine/native.ts';
import { nativeHead } from '../options/head.ts';
import type { ModelMetadata } from './metadata.ts';

/** Creates the engine's model from metadata, with random weights from the seed. */
export function createNative(metadata: ModelMetadata, seed: number, device: string): Promise<NativeModel> {
  const { imageSize, mean, std, classes } = metadata;
  const head = nativeHead(metadata.head, classes.length);
  return loadEngine().createModel({ imageSize, head, seed, mean, std, device }).result;
}
