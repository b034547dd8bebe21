import { createHash } from 'node:crypto';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { type ErrorCode, InputError, TorchTlError } from '../errors.ts';
import { withRegularFile } from './regular-file.ts';

/** What the commonest system errors mean, and what helps. */
const REASONS: Record<string, string> = {
  EACCES: 'permission is denied',
  EDQUOT: 'the disk quota is used up; free some space or choose another place',
  EEXIST: 'something else is there already',
  EFBIG: 'the file would be larger than allowed here',
  EISDIR: 'it is a directory',
  ELOOP: 'its symbolic links lead round in a circle',
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

export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

/** What an error of the system means, for the end of a sentence; the message of any other. */
export function reason(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT' && error.path?.includes(NOT_UTF8)) {
    return 'a name in its path is not in UTF-8, which Node.js cannot open; rename it';
  }
  const code = nameOf(error);
  const known = REASONS[code];
  return known ? `${known} (${code})` : error.message;
}

/** Node knows some errors by their numbers alone, and calls EDQUOT "Unknown system error -122". */
function nameOf({ code = '', errno = 0 }: NodeJS.ErrnoException): string {
  if (Object.hasOwn(REASONS, code)) return code;
  return Object.entries(constants.errno).find(([, number]) => number === -errno)?.[0] ?? code;
}
