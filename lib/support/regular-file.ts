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

/** Says that a path names no regular file, or one that is too large, in the form of a system error. */
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

/** Reads a regular file of at most `LARGEST_TEXT` bytes as UTF-8. Throws as `readRegularFile` does. */
export async function readRegularText(path: string): Promise<string> {
  return (await readRegularFile(path, LARGEST_TEXT)).toString('utf8');
}

/** As `readRegularText`, synchronously: for small files. */
export function readRegularTextSync(path: string): string {
  return withRegularFileSync(path, (file, size) => {
    requireAtMost(LARGEST_TEXT, size);
    const bytes = Buffer.alloc(size);
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, size, 0));
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

/** The type of something other than a regular file, such as `a FIFO`. */
export function kindOf(info: Stats): string {
  if (info.isDirectory()) return 'a directory';
  if (info.isFIFO()) return 'a FIFO';
  return info.isSocket() ? 'a socket' : 'a device';
}

function notRegular(kind: string): NotReadable {
  return new NotReadable('ENOTREG', `it is ${kind}, not a regular file`);
}

function requireAtMost(maximum: number, size: number): void {
  if (size <= maximum) return;
  const text = `it has ${size.toLocaleString('en')} bytes, and the maximum is ${maximum.toLocaleString('en')}`;
  throw new NotReadable('ETOOLARGE', text);
}
