import { createHash } from 'node:crypto';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { type ErrorCode, InputError, TorchTlError } from '../errors.ts';
import { NOT_UTF8_TEXT, withRegularFile } from './regular-file.ts';

/** Plain words for common system errors, with a remedy where there is one. */
const REASONS: Record<string, string> = {
  EACCES: 'permission is denied',
  EDQUOT: 'the disk quota is used up; free some space or choose another place',
  EEXIST: 'something else already exists there',
  EFBIG: 'the file would be larger than this file system or user may write',
  EISDIR: 'it is a directory',
  ELOOP: 'its symbolic links form a loop',
  EMFILE: 'too many files are open; raise the limit, for example with ulimit -n 1024',
  ENFILE: 'too many files are open on this machine',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'there is no such file or directory',
  ENOSPC: 'no space is left on the disk; free some or choose another place',
  ENOTDIR: 'a part of its path is not a directory',
  EPERM: 'the operation is not permitted',
  EROFS: 'the file system is read-only',
};

/**
 * Hash of a file in lower-case hexadecimal, SHA-256 by default. The file is read in pieces.
 *
 * @throws InputError `FILE_UNREADABLE`; the signal's reason after an abort
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
 * Turns a system error from reading `path` into an InputError with code `code`. Any other `cause` is returned as it is.
 */
export function unreadable(path: string, cause: unknown, code: ErrorCode = 'FILE_UNREADABLE'): unknown {
  if (!isSystemError(cause)) return cause;
  return new InputError(code, `Cannot read ${resolve(path)}: ${reason(cause)}.`, { cause });
}

/** Turns a system error from writing `path` into a `WRITE_FAILED`. Any other `cause` is returned as it is. */
export function unwritable(path: string, cause: unknown): unknown {
  if (!isSystemError(cause)) return cause;
  return new TorchTlError('WRITE_FAILED', `Cannot write ${resolve(path)}: ${reason(cause)}.`, { cause });
}

/** The replacement character, which Node.js puts in a name for bytes that are not UTF-8. */
const NOT_UTF8 = '\ufffd';

/** Whether the system ran out of descriptors or memory, which says nothing about the file itself. */
export function isExhausted(error: unknown): error is NodeJS.ErrnoException {
  return isSystemError(error) && ['EMFILE', 'ENFILE', 'ENOMEM'].includes(error.code);
}

/** What a system error means that no work has expected, and where: a sentence; null if it may be a fault of the program. */
export function systemProblem(error: unknown): string | null {
  if (!isSystemError(error) || !(isExhausted(error) || Object.hasOwn(REASONS, nameOf(error)))) return null;
  return `${error.path === undefined ? '' : `${error.path}: `}${reason(error)}.`;
}

/** Whether a file could be read, but is no text in UTF-8. */
export function isNoText(error: unknown): boolean {
  return isSystemError(error) && error.code === NOT_UTF8_TEXT;
}

export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

/**
 * The reason for a system error, as the end of a sentence without the path, which who asks has. For a code that the
 * system does not know it is the error's message.
 */
export function reason(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT' && error.path?.includes(NOT_UTF8)) {
    return 'a name in its path is not valid UTF-8, so Node.js cannot open it; rename it';
  }
  const code = nameOf(error);
  // Errors of our own have a message without a path, and no number.
  const known = REASONS[code] ?? (error.errno === undefined ? undefined : SYSTEM_ERRORS.get(code));
  return known ? `${known} (${code})` : error.message;
}

/** What the system says of each of its errors, by their names. */
const SYSTEM_ERRORS: ReadonlyMap<string, string> = new Map(getSystemErrorMap().values());

/**
 * The system's name for an error. Node.js has none for some: it calls EDQUOT "Unknown system error -122". Of `rm` it has
 * others: ERR_FS_EISDIR.
 */
function nameOf({ code: given = '', errno = 0 }: NodeJS.ErrnoException): string {
  const code = given.replace(/^ERR_FS_/, '');
  if (Object.hasOwn(REASONS, code) || SYSTEM_ERRORS.has(code)) return code;
  return Object.entries(constants.errno).find(([, number]) => number === -errno)?.[0] ?? code;
}
