import { access, constants, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { InputError } from '../errors.ts';
import { unwritable } from '../support/files.ts';
import { finalPath } from './atomic-file.ts';

/*
 * Checks that an output can be written, made before long work whose result would otherwise be lost.
 */

/**
 * Checks that a file can be written: its directory exists and is writable.
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
 * Checks that files can be written in a directory, which may still have to be made with its parents.
 *
 * @throws InputError `WRITE_FAILED`
 */
export async function requireWritableDirectory(path: string): Promise<void> {
  const directory = resolve(path);
  try {
    await access(await nearestExisting(directory), constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw cannotWrite(directory, cause);
  }
}

/** The directory itself or its nearest parent that exists. */
async function nearestExisting(directory: string): Promise<string> {
  try {
    // The trailing separator makes the system refuse a file.
    await stat(join(directory, sep));
    return directory;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(directory) === directory) throw cause;
    return nearestExisting(dirname(directory));
  }
}

function cannotWrite(path: string, cause: unknown): unknown {
  const { message } = unwritable(path, cause) as Error;
  return new InputError('WRITE_FAILED', message, { cause });
}
