import { access, constants, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { InputError } from '../errors.ts';
import { unwritable } from '../support/files.ts';
import { finalPath } from './atomic-file.ts';

/*
 * Whether a file can be written, before work that would be in vain.
 */

/**
 * Makes sure that a file can be written: its directory is there.
 *
 * @throws InputError `WRITE_FAILED`
 */
export async function requireWritableFile(path: string): Promise<void> {
  try {
    await access(dirname(resolve(await finalPath(path))), constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
}

/**
 * The same of a directory that may have to be made, with those that it lies in.
 *
 * @throws InputError `WRITE_FAILED`
 */
export async function requireWritableDirectory(path: string): Promise<void> {
  const directory = resolve(path);
  try {
    await access(await nearestThere(directory), constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw cannotWrite(directory, cause);
  }
}

/** The directory itself or the nearest of those that it lies in, which is there. */
async function nearestThere(directory: string): Promise<string> {
  try {
    // With the separator a file is refused.
    await stat(join(directory, sep));
    return directory;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(directory) === directory) throw cause;
    return nearestThere(dirname(directory));
  }
}

function cannotWrite(path: string, cause: unknown): unknown {
  const { message } = unwritable(path, cause) as Error;
  return new InputError('WRITE_FAILED', message, { cause });
}
