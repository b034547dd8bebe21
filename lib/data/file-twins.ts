import { sha256 } from '../support/hash.ts';
import { readRegularFile } from '../support/regular-file.ts';
import { LARGEST_FILE } from './decoding/decode.ts';
import { versionsOf } from './file-versions.ts';
import { repeatedOf } from './twins.ts';

/** Number of files that are read concurrently. */
const AT_ONCE = 16;

/** If none of so many files exists, the paths are probably wrong, which decoding says; the rest is not looked at. */
const TRIED = 64;

/**
 * A key per image file, equal for files with the same bytes; null for a file without such a twin, or that cannot be
 * read. Only files of equal size are read.
 */
export async function fileTwinKeys(files: readonly string[]): Promise<Array<string | null>> {
  const none = () => new Array<string | null>(files.length).fill(null);
  const first = await versionsOf(files.slice(0, TRIED), Infinity);
  if (first.every((version) => version === null)) return none();
  const versions = [...first, ...(await versionsOf(files.slice(TRIED), Infinity))];
  const candidates = repeatedOf(versions.map((version) => (version?.size ? String(version.size) : null)));
  const digests: Array<string | null> = [];
  for (let begin = 0; begin < candidates.length; begin += AT_ONCE) {
    const some = candidates.slice(begin, begin + AT_ONCE);
    digests.push(...(await Promise.all(some.map((index) => digestOf(files[index] as string)))));
  }
  const keys = none();
  for (const place of repeatedOf(digests)) keys[candidates[place] as number] = digests[place] as string;
  return keys;
}

/** Null for a file that cannot be read; decoding says why. */
async function digestOf(file: string): Promise<string | null> {
  const bytes = await readRegularFile(file, LARGEST_FILE).catch(() => null);
  return bytes && sha256([bytes]);
}
