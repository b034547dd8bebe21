import { join } from 'node:path';
import { smallModel } from './small-data.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** A model of CIFAR-10's classes for images of 32 pixels that nobody trained, in a file; for the running test. */
export async function savedModel(): Promise<string> {
  const path = join(temporaryDirectory(), 'model.safetensors');
  await (await smallModel()).save(path);
  return path;
}
