import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import { KEY_BYTES } from '../data/image-keys.ts';
import { count } from '../support/format.ts';
import { MANIFEST } from './manifest.ts';

/**
 * A sentence about images that a model was trained on, as the list of images of its run says; null if there are none,
 * or no such list is beside the weights.
 *
 * @param weights path of the weights
 * @throws InputError `FILE_UNREADABLE`; the signal's reason after an abort; TorchTlError `DISPOSED`
 */
export async function trainedImages(
  weights: string,
  data: Dataset,
  signal?: AbortSignal,
): Promise<string | null> {
  const file = join(dirname(weights), MANIFEST);
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  const trained = trainedKeys(text);
  const keys = Buffer.from(await data.imageKeys(signal));
  let known = 0;
  for (let begin = 0; begin < keys.length; begin += KEY_BYTES) {
    if (trained.has(keys.toString('hex', begin, begin + KEY_BYTES))) known++;
  }
  if (known === 0) return null;
  return (
    `The model was trained on ${count(known)} of these ${count(data.count)} images (${file}), which makes it look ` +
    'better than it is.'
  );
}

/** The keys of the images for training. A row begins with its part and ends with its key; its path may be any text. */
function trainedKeys(text: string): Set<string> {
  const rows = text.matchAll(/^(train|valid),.*?,([0-9a-f]{32})\r?$/gms);
  return new Set(Array.from(rows, ([, part, key]) => (part === 'train' ? (key as string) : '')));
}
