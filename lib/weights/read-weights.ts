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
 * Reads files of weights in either format, safetensors or that of torch.save. The first bytes of a file tell which.
 */

export type WeightsFormat = 'safetensors' | 'pth';

/**
 * Reads the tensors of a file of weights under torchvision's names. Metadata is empty for files of torch.save.
 *
 * @throws InputError `WEIGHTS_INVALID` or `FILE_UNREADABLE`; TorchTlError `OUT_OF_MEMORY`; the signal's reason after an
 *   abort
 */
export async function readWeights(path: string, signal?: AbortSignal): Promise<SafetensorsFile> {
  const { tensors, metadata } =
    (await formatOf(path)) === 'safetensors'
      ? await readSafetensors(path, signal)
      : {
          tensors: stateDictTensors(await readPth(path, signal), refusing(path)),
          metadata: Object.create(null),
        };
  return { tensors: torchvisionNames(tensors, refusing(path)), metadata };
}

/**
 * Lists all tensors of a file under their own names. In a file of torch.save a name is the keys and indices that lead
 * to the tensor, joined by dots. The bytes of a tensor are read when the iteration reaches it.
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
  const maximum = REPEATED * (await stat(path)).size + MAX_REPEATED;
  return { format, tensors: allTensors(root, refusing(path), maximum), metadata: Object.create(null) };
}

/** Tensors that share bytes may together be this many times as large as the file, plus this number of bytes. */
const [REPEATED, MAX_REPEATED] = [16, 1 << 28];

function* allTensors(root: PickleValue, refuse: Refuse, maximum: number): Generator<StoredTensor> {
  let total = 0;
  for (const { path, value } of itemsOf(root, refuse)) {
    if (!(value instanceof TorchTensor)) continue;
    total += value.byteLength;
    if (total > maximum) throw refuse(`its tensors share bytes and have more than ${maximum} bytes together`);
    yield { name: path, dtype: value.dtype, shape: [...value.shape], data: value.read() };
  }
}

function refusing(path: string): Refuse {
  return (problem) =>
    new InputError('WEIGHTS_INVALID', `${resolve(path)} holds no usable weights: ${problem}.`);
}

/** The format of a file. Files in neither format count as safetensors, whose reader then refuses them. */
export async function formatOf(path: string): Promise<WeightsFormat> {
  try {
    return await withRegularFile(path, async (file) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(START), 0, START, 0);
      return looksLikePth(buffer.subarray(0, bytesRead)) ? 'pth' : 'safetensors';
    });
  } catch (cause) {
    throw unreadable(path, cause);
  }
}
