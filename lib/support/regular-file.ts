import { isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { allocateBytes } from './allocate.ts';
import { storedPath } from './stored-path.ts';

/*
 * Every file that a user names is read through these functions. Reading a FIFO can wait forever and a device may never
 * end, so the type of the opened file is checked before it is read.
 */

/** `O_NONBLOCK` keeps `open` from waiting for the other end of a FIFO; it has no effect on regular files. */
const READ_ONLY = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/** Bytes. No list, recipe or other text file of ours is larger; V8's longest strings are about twice as long. */
export const LARGEST_TEXT = 2 ** 28;

/** Says that a path names no regular file, one that is too large or no text, in the form of a system error. */
class NotReadable extends Error {
  readonly syscall = 'open';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Opens a regular file, passes it to `work` with its size in bytes, and closes it afterwards.
 *
 * @throws a system error (see `unreadable`), also if the path names something other than a regular file; errors that
 *   `work` throws
 */
export async function withRegularFile<Result>(
  path: string,
  work: (file: FileHandle, size: number) => Promise<Result>,
): Promise<Result> {
  const { file, size } = await openRegularFile(path);
  try {
    return await work(file, size);
  } finally {
    await file.close();
  }
}

/**
 * Opens a regular file, which the caller has to close; `size` in bytes. Throws system errors as `withRegularFile` does.
 */
export async function openRegularFile(path: string): Promise<{ file: FileHandle; size: number }> {
  const file = await open(await storedPath(path), READ_ONLY).catch((cause: unknown) => {
    throw notOpened(path, cause);
  });
  try {
    const info = await file.stat();
    requireRegular(info);
    return { file, size: info.size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Reads a whole regular file, up to the size it had when it was opened.
 *
 * @param maximum largest size in bytes; a larger file is refused before memory is allocated
 * @throws as `withRegularFile`; TorchTlError `OUT_OF_MEMORY`
 */
export async function readRegularFile(path: string, maximum: number): Promise<Buffer> {
  return withRegularFile(path, async (file, size) => {
    requireAtMost(maximum, size);
    const bytes = allocateBytes(size, path);
    const length = await readInto(file, bytes, 0);
    return Buffer.from(bytes.buffer, bytes.byteOffset, length);
  });
}

/** Code of the system error for a text file whose bytes are not UTF-8. */
export const NOT_UTF8_TEXT = 'EILSEQ';

/**
 * Reads a regular file of at most `LARGEST_TEXT` bytes as UTF-8.
 *
 * @throws as `readRegularFile`; a system error with code `NOT_UTF8_TEXT`
 */
export async function readRegularText(path: string): Promise<string> {
  return textOf(await readRegularFile(path, LARGEST_TEXT));
}

/** As `readRegularText`, synchronously: for small files, of at most `maximum` bytes. */
export function readRegularTextSync(path: string, maximum = LARGEST_TEXT): string {
  return withRegularFileSync(path, (file, size) => {
    requireAtMost(maximum, size);
    const bytes = Buffer.alloc(size);
    return textOf(bytes.subarray(0, readSync(file, bytes, 0, size, 0)));
  });
}

/** As `withRegularFile`, synchronously. `file` is a descriptor. */
export function withRegularFileSync<Result>(
  path: string,
  work: (file: number, size: number) => Result,
): Result {
  let file: number;
  try {
    file = openSync(path, READ_ONLY);
  } catch (cause) {
    throw notOpened(path, cause);
  }
  try {
    const info = fstatSync(file);
    requireRegular(info);
    return work(file, info.size);
  } finally {
    closeSync(file);
  }
}

/** Largest number of bytes per read; the system reads no more than 2 GiB at once. */
const READ_PIECE = 1 << 26;

/**
 * Fills `target` from `position` in a file. Returns the number of bytes read: fewer than `target` has if the file ends.
 *
 * @throws the signal's reason after an abort; system errors
 */
export async function readInto(
  file: FileHandle,
  target: Uint8Array,
  position: number,
  signal?: AbortSignal,
): Promise<number> {
  let done = 0;
  while (done < target.length) {
    signal?.throwIfAborted();
    const length = Math.min(READ_PIECE, target.length - done);
    const { bytesRead } = await file.read(target, done, length, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/** For a socket the system reports ENXIO, "no such device", which would mislead. */
function notOpened(path: string, cause: unknown): unknown {
  const isSocket =
    (cause as NodeJS.ErrnoException).code === 'ENXIO' &&
    statSync(path, { throwIfNoEntry: false })?.isSocket() === true;
  return isSocket ? notRegular('a socket') : cause;
}

function requireRegular(info: Stats): void {
  if (info.isFile()) return;
  throw info.isDirectory() ? new NotReadable('EISDIR', 'it is a directory') : notRegular(kindOf(info));
}

/** The type of what a path names, such as `a FIFO`. */
export function kindOf(info: Stats): string {
  if (info.isFile()) return 'a file';
  if (info.isDirectory()) return 'a directory';
  if (info.isFIFO()) return 'a FIFO';
  return info.isSocket() ? 'a socket' : 'a device';
}

/** Other bytes would all become the same replacement character, and different names in a list the same one. */
function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let [line, begin] = [1, 0];
  for (let end = 0; begin < bytes.length; begin = end, line++) {
    end = bytes.indexOf(0x0a, begin) + 1 || bytes.length;
    if (!isUtf8(bytes.subarray(begin, end))) break;
  }
  throw new NotReadable(NOT_UTF8_TEXT, `it is not a text in UTF-8, from line ${line} on; save it as UTF-8`);
}

function notRegular(kind: string): NotReadable {
  return new NotReadable('ENOTREG', `it is ${kind}, not a regular file`);
}

function requireAtMost(maximum: number, size: number): void {
  if (size <= maximum) return;
  const text = `it has ${size.toLocaleString('en')} bytes, and the maximum is ${maximum.toLocaleString('en')}`;
  throw new NotReadable('ETOOLARGE', text);
}
