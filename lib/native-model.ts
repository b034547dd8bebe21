import { loadEngine } from './engine.ts';
import { nativeHead } from './head.ts';
import type { ModelMetadata } from './model-file.ts';
import type { NativeModel } from './native.ts';

/** The engine's model as the metadata has it, drawn from the seed. */
export function createNative(metadata: ModelMetadata, seed: number, device: string): Promise<NativeModel> {
  const { imageSize, mean, std, classes } = metadata;
  const head = nativeHead(metadata.head, classes.length);
  return loadEngine().createModel({ imageSize, head, seed, mean, std, device }).result;
}
