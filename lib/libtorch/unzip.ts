import { createWriteStream } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import type { Entry, ZipFile } from 'yauzl';

/** Where a zip archive cannot be read, or a file in it is damaged; the message is a part of a sentence. */
export class ArchiveProblem extends Error {}

export interface UnzipOptions {
  signal?: AbortSignal | undefined;
  /** Takes how many bytes are unpacked. */
  onProgress?: ((done: number) => void) | undefined;
}

/**
 * How many bytes the files of an archive take when unpacked, by its directory, which stands at its end.
 *
 * @throws ArchiveProblem where it is no zip archive, or cut short
 */
export async function unpackedSize(archive: string): Promise<number> {
  return withArchive(archive, async (zip) => {
    let total = 0;
    for await (const { uncompressedSize } of zip.eachEntry()) total += uncompressedSize;
    return total;
  });
}

/**
 * Unpacks a zip archive into a directory, file by file, and checks the length and the CRC-32 of each. Names that lead out
 * of the directory are refused.
 *
 * @throws ArchiveProblem; the signal's reason; what the file system throws
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
  // Loaded here: most programs never unpack.
  const { openPromise } = await import('yauzl');
  try {
    // yauzl refuses absolute names and those with `..`.
    const zip = await openPromise(path, { autoClose: false });
    return await work(zip).finally(() => zip.close());
  } catch (cause) {
    throw readable(cause) ? cause : new ArchiveProblem((cause as Error).message, { cause });
  }
}

/** Errors that say themselves what they are about; yauzl's own are plain, and zlib's have a code. */
function readable(cause: unknown): boolean {
  if (!(cause instanceof Error) || cause.name === 'AbortError' || cause instanceof ArchiveProblem)
    return true;
  return 'syscall' in cause;
}

async function unpack(zip: ZipFile, entry: Entry, path: string, signal: AbortSignal | undefined) {
  if (entry.fileName.endsWith('/')) return void (await mkdir(path, { recursive: true }));
  await mkdir(dirname(path), { recursive: true });
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
  if (crc !== entry.crc32)
    throw new ArchiveProblem(`${entry.fileName} in it is damaged (its CRC-32 is wrong)`);
}

const [TYPE_MASK, LINK] = [0o170000, 0o120000];

/** By the mode that Unix's zip programs write. */
function isLink({ externalFileAttributes }: Entry): boolean {
  return ((externalFileAttributes >>> 16) & TYPE_MASK) === LINK;
}

/** Such as `libcudart.so.13.0.48` for `libcudart.so.13`: only files beside it, so that nothing leads out. */
function linkTarget({ fileName }: Entry, content: Buffer): string {
  const target = content.toString();
  if (/[/\\]/.test(target) || ['', '.', '..'].includes(target)) {
    throw new ArchiveProblem(`${fileName} in it is a link to ${target}, and not to a file beside it`);
  }
  return target;
}
