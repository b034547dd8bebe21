import { setImmediate } from 'node:timers/promises';
import type { Dataset } from '../data/dataset.ts';
import { KEY_BYTES } from '../data/image-keys.ts';
import { imageNameIn } from '../data/image-name.ts';
import { csvPath, csvRow } from '../formats/csv.ts';
import { sha256 } from '../support/hash.ts';

/** Name of the file of a run directory that lists the run's images. */
export const MANIFEST = 'images.csv';

/** What config.json says of the list of a run's images. */
export interface ManifestRecord {
  /** Name of the file in the run directory. */
  file: string;
  /** SHA-256 of the file, lower-case hexadecimal. */
  sha256: string;
}

/** The list of a run's images: the content of images.csv in pieces, and what is recorded of it. */
export interface Manifest {
  pieces: readonly Uint8Array[];
  record: ManifestRecord;
}

const COLUMNS = ['part', 'path', 'label', 'key'];

/** Rows that are made before the event loop may run: a few milliseconds of work. */
const SLICE = 4096;

/**
 * Lists the images of a run, those for training first, each in the order of its data set: its part, its file relative to
 * the folder or list it comes from (else its number), its class and the key of its pixels.
 *
 * @throws InputError `FILE_UNREADABLE`; the signal's reason after an abort; TorchTlError `DISPOSED`
 */
export async function manifestOf(
  { train, valid }: { train: Dataset; valid: Dataset },
  signal?: AbortSignal,
): Promise<Manifest> {
  const pieces: Uint8Array[] = [textOf([csvRow(COLUMNS)])];
  for (const [part, data] of [
    ['train', train],
    ['valid', valid],
  ] as const) {
    const row = rowsOf(part, data, Buffer.from(await data.imageKeys(signal)));
    for (let begin = 0; begin < data.count; begin += SLICE) {
      signal?.throwIfAborted();
      const length = Math.min(SLICE, data.count - begin);
      pieces.push(textOf(Array.from({ length }, (_, place) => row(begin + place))));
      await setImmediate();
    }
  }
  return { pieces, record: { file: MANIFEST, sha256: await sha256(pieces, signal) } };
}

function rowsOf(part: string, data: Dataset, keys: Buffer): (index: number) => string {
  const { labels, classes } = data;
  return (index) => {
    const key = keys.toString('hex', index * KEY_BYTES, (index + 1) * KEY_BYTES);
    return csvRow([part, csvPath(imageNameIn(data, index)), classes[Number(labels[index])] ?? '', key]);
  };
}

function textOf(rows: readonly string[]): Buffer {
  return Buffer.from(rows.map((row) => `${row}\r\n`).join(''));
}
