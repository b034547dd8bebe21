import { stat } from 'node:fs/promises';
import { InputError } from '../errors.ts';
import { count } from '../support/format.ts';
import { storedPath } from '../support/stored-path.ts';

/**
 * Identifies the contents of a file: if anything differs, the image is a different one. Programs may set a modification
 * time, and archives do; nothing sets the time of the last change of content, name or status, nor chooses an inode.
 */
export interface FileVersion {
  path: string;
  size: number;
  mtimeMs: number;
  ctimeMs: number;
  ino: number;
}

/** Number of files whose status is read concurrently. */
const AT_ONCE = 64;

/**
 * Reads the versions of files; null for a missing file, which decoding then reports.
 *
 * @param maximumMissing if more files are missing, the rest is not checked
 * @throws InputError `DATA_INVALID` if more than `maximumMissing` files are missing
 */
export async function versionsOf(
  paths: readonly string[],
  maximumMissing: number,
): Promise<Array<FileVersion | null>> {
  const versions: Array<FileVersion | null> = [];
  const missing: string[] = [];
  for (let begin = 0; begin < paths.length; begin += AT_ONCE) {
    const group = await Promise.all(paths.slice(begin, begin + AT_ONCE).map(versionOf));
    for (const [index, version] of group.entries()) {
      versions.push(version);
      if (version === null && missing.length <= maximumMissing) missing.push(paths[begin + index] as string);
    }
    if (missing.length > maximumMissing)
      throw tooManyMissing(missing.slice(0, maximumMissing), versions.length, paths.length);
  }
  return versions;
}

async function versionOf(path: string): Promise<FileVersion | null> {
  const info = await stat(await storedPath(path)).catch(() => null);
  if (info === null) return null;
  const { size, mtimeMs, ctimeMs, ino } = info;
  return { path, size, mtimeMs, ctimeMs, ino };
}

function tooManyMissing(missing: readonly string[], checked: number, all: number): InputError {
  const summary =
    `More than ${count(missing.length)} of the first ${count(checked)} images do not exist; the other ` +
    `${count(all - checked)} were not checked. Correct the paths, or skip missing images with`;
  const message = (option: string) => [`${summary} ${option}:`, ...missing.map((path) => `  ${path}`)];
  return new InputError('DATA_INVALID', message('`skipCorrupt: true`'), {
    atCommandLine: message('--skip-corrupt'),
  });
}
