import { createHash, randomBytes } from 'node:crypto';
import { access, constants, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { type ErrorCode, InputError, TorchTlError } from './errors.ts';
import { readRegularText, withRegularFile } from './regular-file.ts';

/** The names of files that `writeFileAtomically` is writing. */
export const TEMPORARY = /^\.torch-tl-[0-9a-f]{16}\.tmp$/;

/** What the commonest system errors mean, and what helps. */
const REASONS: Record<string, string> = {
  EACCES: 'permission is denied',
  EDQUOT: 'the disk quota is used up; free some space or choose another place',
  EFBIG: 'the file would be larger than allowed here',
  EISDIR: 'it is a directory',
  EMFILE: 'too many files are open; allow more, such as with ulimit -n 1024',
  ENFILE: 'too many files are open on this machine',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'there is no such file or directory',
  ENOSPC: 'no space is left on the disk; free some or choose another place',
  ENOTDIR: 'a part of its path is no directory',
  EPERM: 'the operation is not permitted',
  EROFS: 'the file system is read-only',
};

/**
 * Writes a file so that its path names either the old content or the whole new one, even after a
 * power cut: a temporary name in the same directory, fsync, rename, fsync of the directory.
 *
 * @throws TorchTlError `WRITE_FAILED` for what the system refuses; an error that `chunks` throws
 *   passes unchanged. Either way the temporary file is removed and the old one is left as it was.
 */
export async function writeFileAtomically(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = join(dirname(path), `.torch-tl-${randomBytes(8).toString('hex')}.tmp`);
  try {
    await writeAndSync(temporary, chunks);
    await moveIntoPlace(temporary, path);
  } catch (cause) {
    // The first error is the one that matters.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw unwritable(path, cause);
  }
}

/**
 * Makes sure, before work that would be in vain, that a file can be written: its directory is there.
 *
 * @throws InputError `WRITE_FAILED`
 */
export async function requireWritableFile(path: string): Promise<void> {
  const file = resolve(path);
  try {
    await access(dirname(file), constants.W_OK | constants.X_OK);
    const isDirectory = (await stat(file).catch(() => null))?.isDirectory();
    if (!isDirectory) return;
  } catch (cause) {
    throw cannotWrite(file, cause);
  }
  throw new InputError('WRITE_FAILED', `Cannot write ${file}: ${REASONS.EISDIR}.`);
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

/**
 * Removes what processes that were killed while they wrote a file have left in a directory, if it is
 * there. Nobody else may be writing to it.
 */
export async function removeTemporaries(directory: string): Promise<void> {
  const names = await readdir(directory).catch((): string[] => []);
  const temporaries = names.filter((name) => TEMPORARY.test(name));
  await Promise.all(temporaries.map((name) => rm(join(directory, name), { force: true })));
}

/** Gives a file that is synced to the disk its final name in the same directory, so that it survives a power cut. */
export async function moveIntoPlace(temporary: string, path: string): Promise<void> {
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/**
 * SHA-256, or another hash, of a file in lower-case hexadecimal, read in pieces.
 *
 * @throws InputError `FILE_UNREADABLE`; the signal's reason
 */
export async function hashOfFile(
  path: string,
  { algorithm = 'sha256', signal }: { algorithm?: 'md5' | 'sha256'; signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const hash = createHash(algorithm);
  try {
    await withRegularFile(path, async (file) => {
      const pieces = file.createReadStream({ highWaterMark: 1 << 18, autoClose: false });
      for await (const piece of pieces) {
        signal?.throwIfAborted();
        hash.update(piece);
      }
    });
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return hash.digest('hex');
}

/**
 * What a JSON file holds; null where there is none.
 *
 * @throws InputError `FILE_UNREADABLE`, or `invalid` where it is no JSON
 */
export async function readJsonFile(path: string, invalid: ErrorCode): Promise<unknown> {
  try {
    return JSON.parse(await readRegularText(path));
  } catch (cause) {
    if (cause instanceof SyntaxError) {
      throw new InputError(invalid, `${resolve(path)} is no JSON: ${cause.message}.`, { cause });
    }
    if (isSystemError(cause) && cause.code === 'ENOENT') return null;
    throw unreadable(path, cause);
  }
}

/** The error to throw for what reading `path` threw: an InputError for the system's errors, else `cause`. */
export function unreadable(path: string, cause: unknown, code: ErrorCode = 'FILE_UNREADABLE'): unknown {
  if (!isSystemError(cause)) return cause;
  return new InputError(code, `Cannot read ${resolve(path)}: ${reason(cause)}.`, { cause });
}

/** The error to throw for what writing `path` threw: `WRITE_FAILED` for the system's errors, else `cause`. */
export function unwritable(path: string, cause: unknown): unknown {
  if (!isSystemError(cause)) return cause;
  return new TorchTlError('WRITE_FAILED', `Cannot write ${resolve(path)}: ${reason(cause)}.`, { cause });
}

/** Node's stand-in for what it cannot read in a name. */
const NOT_UTF8 = '\ufffd';

/** Whether the system has no more of what every file needs, which says nothing of the file. */
export function isExhausted(error: unknown): error is NodeJS.ErrnoException {
  return isSystemError(error) && ['EMFILE', 'ENFILE', 'ENOMEM'].includes(error.code);
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

/** What an error of the system means, for the end of a sentence; the message of any other. */
export function reason(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT' && error.path?.includes(NOT_UTF8)) {
    return 'a name in its path is not in UTF-8, which Node.js cannot open; rename it';
  }
  const known = REASONS[error.code ?? ''];
  return known ? `${known} (${error.code})` : error.message;
}

async function writeAndSync(path: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
  const file = await open(path, 'wx');
  try {
    await writeFile(file, chunks);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  // Windows has no fsync of a directory; its renames are journalled.
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
