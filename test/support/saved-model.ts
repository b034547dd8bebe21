import { join } from 'node:path';
import { smallModel } from './small-data.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** A model of CIFAR-10's classes for pictures of 32 pixels that nobody trained, in a file. */
export async function savedModel(): Promise<string> {
  const path = join(temporaryDirectory(), 'model.safetensors');
  const model = await smallModel();
  await model.save(path);
  return path;
}
