import { once } from 'node:events';
import { type FileHandle, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import type { Parser, ReadEntry } from 'tar';
import { InputError } from '../../errors.ts';
import { makeDirectory, writeFileAtomically } from '../../files/atomic-file.ts';
import { cacheDirectory } from '../../support/cache-directory.ts';
import { hashOfFile, unreadable, unwritable } from '../../support/files.ts';
import { size } from '../../support/format.ts';
import { withRegularFile } from '../../support/regular-file.ts';

/** Largest size of a file in an archive in bytes; a batch of 10,000 images has 31 MB. */
const MAX_FILE = 64 << 20;

/** Largest unpacked size of an archive in bytes; CIFAR-10 has 186 MB. */
const MAX_TOTAL = 1 << 29;

/** Paths of CIFAR-10's batches in the official archives. */
const MEMBER =
  /^cifar-10-batches-(?:bin\/(?:data_batch_\d+\.bin|test_batch\.bin|batches\.meta\.txt)|py\/(?:data_batch_\d+|test_batch|batches\.meta))$/;

/** File names of the official archives. */
export const ARCHIVE = /^cifar-10-(?:binary|python)\.(?:tar\.gz|tgz|tar)$/i;

/**
 * Unpacks the batches of an official CIFAR-10 archive into a directory, atomically. Other files in the archive are not
 * unpacked.
 *
 * @param directory will contain `cifar-10-batches-bin` or `cifar-10-batches-py`
 * @throws InputError `DATA_INVALID` for a damaged or different archive; TorchTlError `WRITE_FAILED`
 */
export async function unpackCifar10(archive: string, directory: string): Promise<void> {
  const parent = dirname(resolve(directory));
  let temporary: string;
  try {
    await makeDirectory(parent);
    temporary = await mkdtemp(join(parent, '.torch-tl-cifar10-'));
  } catch (cause) {
    throw unwritable(directory, cause);
  }
  try {
    const count = await unpackInto(archive, temporary);
    if (count === 0) throw invalid(archive, 'contains no batches of CIFAR-10');
    try {
      await rm(directory, { recursive: true, force: true });
      await rename(temporary, directory);
    } catch (cause) {
      throw unwritable(directory, cause);
    }
  } finally {
    // A failure to remove it must not hide the first error.
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Whether a directory contains unpacked batches. They are complete, since unpacking is atomic. */
export async function holdsUnpacked(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch((): string[] => []);
  return names.some((name) => /^cifar-10-batches-(?:bin|py)$/.test(name));
}

/**
 * The directory of an archive's batches in torch-tl's cache. They are unpacked on the first call.
 *
 * @throws as `unpackCifar10`
 */
export async function unpackedCifar10(archive: string): Promise<string> {
  const directory = join(cacheDirectory(), `cifar10-${await hashOfFile(archive)}`);
  if (!(await holdsUnpacked(directory))) await unpackCifar10(archive, directory);
  return directory;
}

/** Returns the number of unpacked files. Waits for all writes to end before it throws. */
async function unpackInto(archive: string, directory: string): Promise<number> {
  const written: Array<Promise<void>> = [];
  const failures: unknown[] = [];
  try {
    const { Parser } = await import('tar');
    const parser = new Parser({
      strict: true,
      filter: (path) => MEMBER.test(path),
      onReadEntry: (entry) => {
        written.push(unpack(entry, archive, directory).catch((error: unknown) => void failures.push(error)));
      },
    });
    await withRegularFile(archive, (file) => feed(file, archive, parser));
  } catch (cause) {
    const { syscall, message } = cause as NodeJS.ErrnoException;
    if (cause instanceof InputError) failures.push(cause);
    else if (syscall) failures.push(unreadable(archive, cause, 'DATA_INVALID'));
    else failures.push(invalid(archive, `is not a complete tar archive: ${message}`));
  }
  await Promise.all(written);
  if (failures.length > 0) throw failures[0];
  return written.length;
}

/**
 * Decompresses an archive and feeds it to a parser up to the end of the tar archive. The parser would buffer data after
 * that end, in quadratic time. The file is still read to its end, since a truncated one would otherwise silently lack
 * its last batches.
 */
async function feed(file: FileHandle, archive: string, parser: Parser): Promise<void> {
  const stored = file.createReadStream({ autoClose: false });
  const pieces = archive.endsWith('.tar') ? stored : stored.pipe(createGunzip());
  stored.on('error', (error) => pieces.destroy(error));
  const ended = once(parser, 'end');
  // It is awaited below, and may reject before that.
  ended.catch(() => undefined);
  let [total, failure, isOver]: [number, unknown, boolean] = [0, undefined, false];
  parser.on('error', (error: unknown) => {
    failure ??= error;
  });
  parser.on('eof', () => {
    isOver = true;
  });
  for await (const piece of pieces as AsyncIterable<Buffer>) {
    if (failure !== undefined) throw failure;
    total += piece.length;
    if (total > MAX_TOTAL) throw invalid(archive, `unpacks to more than ${size(MAX_TOTAL)}, expected 186 MB`);
    if (!isOver && !parser.write(piece)) await once(parser, 'drain');
  }
  parser.end();
  await ended;
}

async function unpack(entry: ReadEntry, archive: string, directory: string): Promise<void> {
  if (entry.type !== 'File' || entry.size > MAX_FILE) {
    entry.resume();
    throw invalid(archive, `contains '${entry.path}', which is not a regular file of a batch's size`);
  }
  const pieces: Buffer[] = [];
  for await (const piece of entry) pieces.push(piece as Buffer);
  await setImmediate();
  const path = join(directory, entry.path);
  await makeDirectory(dirname(path));
  await writeFileAtomically(path, pieces);
}

function invalid(archive: string, problem: string): InputError {
  return new InputError('DATA_INVALID', `${resolve(archive)} ${problem}.`);
}
