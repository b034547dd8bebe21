import { open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { unreadable } from '../files.ts';
import { looksLikePth, readPth } from './pth/pth.ts';
import { readSafetensors, type SafetensorsFile } from './safetensors.ts';
import { stateDictTensors, torchvisionNames } from './state-dict.ts';

/**
 * The tensors of a file of weights, safetensors or of torch.save, under torchvision's names; metadata only
 * safetensors has. Told apart by what they begin with.
 *
 * @throws InputError `WEIGHTS_INVALID` or `FILE_UNREADABLE`; TorchTlError `OUT_OF_MEMORY`
 */
export async function readWeights(path: string): Promise<SafetensorsFile> {
  if (!looksLikePth(await startOf(path))) {
    const { tensors, metadata } = await readSafetensors(path);
    return { tensors: torchvisionNames(tensors), metadata };
  }
  const refuse = (problem: string) =>
    new InputError('WEIGHTS_INVALID', `${resolve(path)} holds no weights that fit: ${problem}.`);
  const tensors = stateDictTensors(await readPth(path), refuse);
  return { tensors: torchvisionNames(tensors), metadata: Object.create(null) };
}

/** A file's first bytes; none of what is no regular file. */
async function startOf(path: string): Promise<Uint8Array> {
  const start = Buffer.alloc(4);
  try {
    // A pipe would block: what it is not is said by the reader of safetensors.
    if (!(await stat(path)).isFile()) return Buffer.alloc(0);
    const file = await open(path, 'r');
    try {
      const { bytesRead } = await file.read(start, 0, start.length, 0);
      return start.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw unreadable(path, cause);
  }
}
