import { stat } from 'node:fs/promises';
import { InputError } from '../errors.ts';
import { count } from '../support/format.ts';
import { storedPath } from '../support/stored-path.ts';

/** A file as it is now: another size or time, and its image is another one. */
export interface FileVersion {
  path: string;
  size: number;
  mtimeMs: number;
}

/** Files looked at at a time. */
const AT_ONCE = 64;

/**
 * Null for what is not there, which decoding then says.
 *
 * @param mostMissing where more are missing, the rest is not looked at
 * @throws InputError `DATA_INVALID` where more are missing
 */
export async function versionsOf(
  paths: readonly string[],
  mostMissing: number,
): Promise<Array<FileVersion | null>> {
  const versions: Array<FileVersion | null> = [];
  const missing: string[] = [];
  for (let begin = 0; begin < paths.length; begin += AT_ONCE) {
    const looked = await Promise.all(paths.slice(begin, begin + AT_ONCE).map(versionOf));
    for (const [index, version] of looked.entries()) {
      versions.push(version);
      if (version === null && missing.length <= mostMissing) missing.push(paths[begin + index] as string);
    }
    if (missing.length > mostMissing)
      throw tooManyMissing(missing.slice(0, mostMissing), versions.length, paths.length);
  }
  return versions;
}

async function versionOf(path: string): Promise<FileVersion | null> {
  const info = await stat(await storedPath(path)).catch(() => null);
  return info && { path, size: info.size, mtimeMs: info.mtimeMs };
}

function tooManyMissing(missing: readonly string[], looked: number, all: number): InputError {
  const summary =
    `More than ${count(missing.length)} of the first ${count(looked)} images are not there, and the other ` +
    `${count(all - looked)} were not looked at; mend the paths, or leave out what is missing with`;
  const said = (option: string) => [`${summary} ${option}:`, ...missing.map((path) => `  ${path}`)];
  return new InputError('DATA_INVALID', said('`skipCorrupt: true`'), {
    atCommandLine: said('--skip-corrupt'),
  });
}
