import { sha256 } from '../support/hash.ts';
import { readRegularFile } from '../support/regular-file.ts';
import { LARGEST_FILE } from './decoding/decode.ts';
import { type FileVersion, versionsOf } from './file-versions.ts';
import { repeatedOf } from './twins.ts';

/** Number of files that are read concurrently. */
const AT_ONCE = 16;

/** If none of so many files exists, the paths are probably wrong, which decoding says; the rest is not looked at. */
const TRIED = 64;

/** The last answer, since `train` lists its images twice: to choose options by their number, and to open them. */
let last: { versions: string; keys: Promise<Array<string | null>> } | undefined;

/**
 * A key per image file, equal for files with the same bytes; null for a file without such a twin, or that cannot be
 * read. Only files of equal size are read.
 */
export async function fileTwinKeys(files: readonly string[]): Promise<Array<string | null>> {
  const first = await versionsOf(files.slice(0, TRIED), Infinity);
  if (first.every((version) => version === null)) return files.map(() => null);
  const all = [...first, ...(await versionsOf(files.slice(TRIED), Infinity))];
  const versions = await sha256([Buffer.from(JSON.stringify(all))]);
  if (last?.versions !== versions) last = { versions, keys: keysOf(files, all) };
  return last.keys;
}

async function keysOf(
  files: readonly string[],
  versions: ReadonlyArray<FileVersion | null>,
): Promise<Array<string | null>> {
  const candidates = repeatedOf(versions.map((version) => (version?.size ? String(version.size) : null)));
  const digests: Array<string | null> = [];
  for (let begin = 0; begin < candidates.length; begin += AT_ONCE) {
    const some = candidates.slice(begin, begin + AT_ONCE);
    digests.push(...(await Promise.all(some.map((index) => digestOf(files[index] as string)))));
  }
  const keys = new Array<string | null>(files.length).fill(null);
  for (const place of repeatedOf(digests)) keys[candidates[place] as number] = digests[place] as string;
  return keys;
}

/** Null for a file that cannot be read; decoding says why. */
async function digestOf(file: string): Promise<string | null> {
  const bytes = await readRegularFile(file, LARGEST_FILE).catch(() => null);
  return bytes && sha256([bytes]);
}
