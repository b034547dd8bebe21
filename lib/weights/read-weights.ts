import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { InputError } from '../errors.ts';
import type { PickleValue } from '../formats/pickle.ts';
import { itemsOf } from '../formats/pth/contents.ts';
import { looksLikePth, readPth, START } from '../formats/pth/pth.ts';
import { TorchTensor } from '../formats/pth/tensors.ts';
import { readSafetensors, type SafetensorsFile } from '../formats/safetensors.ts';
import type { StoredTensor } from '../formats/stored-tensor.ts';
import { unreadable } from '../support/files.ts';
import type { Refuse } from '../support/quoted.ts';
import { withRegularFile } from '../support/regular-file.ts';
import { stateDictTensors, torchvisionNames } from './state-dict.ts';

/*
 * Files of weights, whichever of the two kinds: safetensors, or what torch.save wrote. They are told apart by what they
 * begin with.
 */

export type WeightsFormat = 'safetensors' | 'pth';

/**
 * The tensors of a file of weights under torchvision's names; metadata only safetensors has.
 *
 * @throws InputError `WEIGHTS_INVALID` or `FILE_UNREADABLE`; TorchTlError `OUT_OF_MEMORY`; the signal's reason
 */
export async function readWeights(path: string, signal?: AbortSignal): Promise<SafetensorsFile> {
  const { tensors, metadata } =
    (await formatOf(path)) === 'safetensors'
      ? await readSafetensors(path, signal)
      : {
          tensors: stateDictTensors(await readPth(path, signal), refusing(path)),
          metadata: Object.create(null),
        };
  return { tensors: torchvisionNames(tensors), metadata };
}

/**
 * Everything in a file: its tensors as they are called there, of what torch.save wrote by the keys and indices that
 * lead to them, joined by dots. A tensor's bytes are read when it is taken.
 *
 * @throws as `readWeights`
 */
export async function openWeights(path: string): Promise<{
  format: WeightsFormat;
  tensors: Iterable<StoredTensor>;
  metadata: Record<string, string>;
}> {
  const format = await formatOf(path);
  if (format === 'safetensors') return { format, ...(await readSafetensors(path)) };
  const root = await readPth(path);
  const most = REPEATED * (await stat(path)).size + MAX_REPEATED;
  return { format, tensors: allTensors(root, refusing(path), most), metadata: Object.create(null) };
}

/** How often a file's bytes may be in tensors that share them, and what small files may repeat beyond that. */
const [REPEATED, MAX_REPEATED] = [16, 1 << 28];

function* allTensors(root: PickleValue, refuse: Refuse, most: number): Generator<StoredTensor> {
  let total = 0;
  for (const { path, value } of itemsOf(root, refuse)) {
    if (!(value instanceof TorchTensor)) continue;
    total += value.byteLength;
    if (total > most) throw refuse(`its tensors repeat its bytes until they are more than ${most}`);
    yield { name: path, dtype: value.dtype, shape: [...value.shape], data: value.read() };
  }
}

function refusing(path: string): Refuse {
  return (problem) =>
    new InputError('WEIGHTS_INVALID', `${resolve(path)} holds no weights that fit: ${problem}.`);
}

/** What is neither is said by the reader of safetensors. */
async function formatOf(path: string): Promise<WeightsFormat> {
  try {
    return await withRegularFile(path, async (file) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(START), 0, START, 0);
      return looksLikePth(buffer.subarray(0, bytesRead)) ? 'pth' : 'safetensors';
    });
  } catch (cause) {
    throw unreadable(path, cause);
  }
}
