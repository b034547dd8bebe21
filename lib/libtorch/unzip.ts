import { createWriteStream } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import type { Entry, ZipFile } from 'yauzl';
import { makeDirectory } from '../files/atomic-file.ts';

/** A zip archive cannot be read, or a file in it is damaged. The message is a part of a sentence. */
export class ArchiveProblem extends Error {}

export interface UnzipOptions {
  signal?: AbortSignal | undefined;
  /** Receives the number of bytes unpacked so far. */
  onProgress?: ((done: number) => void) | undefined;
}

/**
 * Unpacked size of an archive in bytes, from the directory at its end.
 *
 * @throws ArchiveProblem if the file is not a zip archive or is truncated
 */
export async function unpackedSize(archive: string): Promise<number> {
  return withArchive(archive, async (zip) => {
    let total = 0;
    for await (const { uncompressedSize } of zip.eachEntry()) total += uncompressedSize;
    return total;
  });
}

/**
 * Unpacks a zip archive into a directory, file by file, and checks length and CRC-32 of each. Refuses names that lead
 * out of the directory.
 *
 * @throws ArchiveProblem; the signal's reason after an abort; system errors
 */
export async function unzip(archive: string, directory: string, options: UnzipOptions = {}): Promise<void> {
  let done = 0;
  await withArchive(archive, async (zip) => {
    for await (const entry of zip.eachEntry()) {
      options.signal?.throwIfAborted();
      await unpack(zip, entry, join(directory, entry.fileName), options.signal);
      done += entry.uncompressedSize;
      options.onProgress?.(done);
    }
  });
}

async function withArchive<Result>(path: string, work: (zip: ZipFile) => Promise<Result>): Promise<Result> {
  // Loaded here, since most programs never unpack an archive.
  const { openPromise } = await import('yauzl');
  try {
    // yauzl refuses absolute names and those with `..`.
    const zip = await openPromise(path, { autoClose: false });
    return await work(zip).finally(() => zip.close());
  } catch (cause) {
    throw isExplained(cause) ? cause : new ArchiveProblem((cause as Error).message, { cause });
  }
}

/**
 * Whether an error already has its final form: an abort, an ArchiveProblem or a system error, none of yauzl's or
 * zlib's.
 */
function isExplained(cause: unknown): boolean {
  if (!(cause instanceof Error) || cause.name === 'AbortError' || cause instanceof ArchiveProblem)
    return true;
  return 'syscall' in cause;
}

async function unpack(zip: ZipFile, entry: Entry, path: string, signal: AbortSignal | undefined) {
  if (entry.fileName.endsWith('/')) return makeDirectory(path);
  await makeDirectory(dirname(path));
  let crc = 0;
  const content = await zip.openReadStreamPromise(entry);
  if (isLink(entry)) return symlink(linkTarget(entry, await buffer(content)), path);
  const checked = async function* (pieces: AsyncIterable<Buffer>) {
    for await (const piece of pieces) {
      crc = zlib.crc32(piece, crc);
      yield piece;
    }
  };
  await pipeline(content, checked, createWriteStream(path, { flags: 'wx' }), ...(signal ? [{ signal }] : []));
  if (crc !== entry.crc32) throw new ArchiveProblem(`its file ${entry.fileName} is damaged (wrong CRC-32)`);
}

const [TYPE_MASK, LINK] = [0o170000, 0o120000];

/** Whether an entry is a symbolic link, by the mode that Unix zip programs write. */
function isLink({ externalFileAttributes }: Entry): boolean {
  return ((externalFileAttributes >>> 16) & TYPE_MASK) === LINK;
}

/**
 * Target of a link, such as `libcudart.so.13.0.48`. Only files in the same directory are allowed, so no link leads out.
 */
function linkTarget({ fileName }: Entry, content: Buffer): string {
  const target = content.toString();
  if (/[/\\]/.test(target) || ['', '.', '..'].includes(target)) {
    throw new ArchiveProblem(`its link ${fileName} leads to ${target}, which is not in the same directory`);
  }
  return target;
}
