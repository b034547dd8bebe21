import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { allocateBytes } from './allocate.ts';
import { storedPath } from './stored-path.ts';

/*
 * The only way in which files that a user names are read. A FIFO would be waited for, a device need never end; so what
 * is opened is looked at, and only then read.
 */

/** Without waiting for the other end of a FIFO; of a regular file this changes nothing. */
const READ_ONLY = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/** More is no list, recipe or other text of ours; V8's longest strings are about twice as long. */
export const LARGEST_TEXT = 2 ** 28;

/** What a path names instead of a regular file, or that the file is too large, as the system would tell it. */
class NotReadable extends Error {
  readonly syscall = 'open';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Works with an open regular file, and closes it whatever comes of that.
 *
 * @throws an error of the system, for `unreadable`, also where it is something else than a regular file; what `work` throws
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

/** The same for the caller to close. */
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
 * The whole of a regular file, as long as it was when it was opened.
 *
 * @param most bytes; a larger file is refused before memory is taken
 * @throws as `withRegularFile`; TorchTlError `OUT_OF_MEMORY`
 */
export async function readRegularFile(path: string, most: number): Promise<Buffer> {
  return withRegularFile(path, async (file, size) => {
    requireAtMost(most, size);
    const bytes = allocateBytes(size, path);
    const length = await readInto(file, bytes, 0);
    return Buffer.from(bytes.buffer, bytes.byteOffset, length);
  });
}

/** The same as UTF-8. */
export async function readRegularText(path: string): Promise<string> {
  return (await readRegularFile(path, LARGEST_TEXT)).toString('utf8');
}

/** The same while the event loop waits, for what is small. */
export function readRegularTextSync(path: string): string {
  return withRegularFileSync(path, (file, size) => {
    requireAtMost(LARGEST_TEXT, size);
    const bytes = Buffer.alloc(size);
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, size, 0));
  });
}

/** As `withRegularFile` while the event loop waits. */
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

/** The most that one read asks for; the system takes no more than 2 GiB at once. */
const READ_PIECE = 1 << 26;

/**
 * Fills `target` from a place in a file on; gives how many bytes there were.
 *
 * @throws the signal's reason; what the system refuses
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

/** The system says of a socket that there is no such device. */
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

/** What is no regular file is, such as `a FIFO`. */
export function kindOf(info: Stats): string {
  if (info.isDirectory()) return 'a directory';
  if (info.isFIFO()) return 'a FIFO';
  return info.isSocket() ? 'a socket' : 'a device';
}

function notRegular(what: string): NotReadable {
  return new NotReadable('ENOTREG', `it is ${what}, not a regular file`);
}

function requireAtMost(most: number, size: number): void {
  if (size <= most) return;
  const text = `it has ${size.toLocaleString('en')} bytes; at most ${most.toLocaleString('en')} are read`;
  throw new NotReadable('ETOOLARGE', text);
}
