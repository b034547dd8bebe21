import { join } from 'node:path';
import { smallModel } from './small-data.ts';
import { lastingDirectory, shared } from './temporary-directory.ts';

/** A model of CIFAR-10's classes for images of 32 pixels that nobody trained, in a file that all tests share. */
export const savedModel = shared(async () => {
  const path = join(lastingDirectory(), 'model.safetensors');
  await (await smallModel()).save(path);
  return path;
});
