import { open, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { TorchTlError } from '../errors.ts';
import { makeDirectory, moveIntoPlace } from '../files/atomic-file.ts';
import { type FileLock, lockWhenFree } from '../files/file-lock.ts';
import { hashOfFile, unwritable } from '../support/files.ts';
import { pause } from '../support/signals.ts';
import { HttpClient, RequestFailure } from './http.ts';

/** How many times in a row a connection may break without having brought anything. */
const ATTEMPTS = 5;

/** Bytes, counted from the beginning of the file; `total` is null where the server does not say. */
export type OnDownloadProgress = (done: number, total: number | null) => void;

/** Of the whole file in lower-case hexadecimal; MD5 where the publisher gives no other. */
export type ExpectedHash = { sha256: string } | { sha256Prefix: string } | { md5: string };

/** For a file whose hash nobody publishes. */
export interface FileCheck {
  /** What is wrong with it, as the end of a sentence about what came, or null. */
  problem(path: string): Promise<string | null>;
}

export type DownloadOptions = (ExpectedHash | FileCheck) & {
  /** Of the whole file, in bytes. */
  size?: number;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  onProgress?: OnDownloadProgress | undefined;
  /** How long a connection may bring nothing before it counts as broken; 30,000. */
  stallMilliseconds?: number;
  /** The wait before a broken connection is made anew, doubled with each that brings nothing; 500. */
  retryMilliseconds?: number;
};

/**
 * Puts a file from the web at `path`, unless a file is there that is what it should be: of the right hash,
 * or with nothing wrong by `problem`. What arrives is kept in `path.part` beside it, with which a later call
 * goes on after an abort, a failure or a crash. Only a file that is what it should be gets the name `path`, at
 * once and synced to the disk. While another process downloads the same file, this waits for it. Proxies are
 * those of HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
 *
 * @param url http or https; redirects are followed
 * @throws TorchTlError `DOWNLOAD_FAILED` with the server's or the system's reason, or for a wrong size
 *   or hash; `WRITE_FAILED`; `ENGINE_NOT_BUILT` where the loader addon is missing; the signal's reason
 */
export async function download(url: string, path: string, options: DownloadOptions): Promise<void> {
  options.signal?.throwIfAborted();
  if (await isWhole(path, options)) return;
  const part = `${path}.part`;
  const lock = await lockPart(part, options.signal);
  try {
    // Whoever held the lock may have fetched it.
    if (await isWhole(path, options)) return;
    if (!(await isWhole(part, options))) await fetchPart(url, path, part, options);
    await moveIntoPlace(part, path);
  } catch (cause) {
    throw unwritable(path, cause);
  } finally {
    // The lock made it.
    if ((await sizeOf(part)) === 0) await rm(part, { force: true }).catch(() => undefined);
    lock.release();
  }
}

async function lockPart(part: string, signal: AbortSignal | undefined): Promise<FileLock> {
  try {
    await makeDirectory(dirname(part));
  } catch (cause) {
    throw unwritable(dirname(part), cause);
  }
  return lockWhenFree(part, signal);
}

async function fetchPart(url: string, path: string, part: string, options: DownloadOptions): Promise<void> {
  try {
    await fetchRest(url, part, options);
    await checkWhole(part, options);
  } catch (cause) {
    if (!(cause instanceof RequestFailure)) throw cause;
    throw new TorchTlError(
      'DOWNLOAD_FAILED',
      `Cannot download ${withoutSecrets(url)}: ${cause.message}. Try again, with HTTPS_PROXY=URL where a proxy is ` +
        `needed, or put the file at ${resolve(path)} yourself.`,
      { cause },
    );
  }
}

/** A download under way. */
interface Fetching {
  readonly url: string;
  readonly part: string;
  readonly options: DownloadOptions;
  readonly client: HttpClient;
  /** What the server knows the file by that the part is of; null for a part that was there already. */
  validator: string | null;
  /** The most bytes that the part ever had, in case the server starts over each time. */
  furthest: number;
}

/** Makes one connection after the other until the file is whole. */
async function fetchRest(url: string, part: string, options: DownloadOptions): Promise<void> {
  const { signal, stallMilliseconds = 30_000, retryMilliseconds = 500 } = options;
  const client = await HttpClient.open(stallMilliseconds);
  const fetching: Fetching = { url, part, options, client, validator: null, furthest: await sizeOf(part) };
  try {
    for (let failures = 0; ; ) {
      const before = fetching.furthest;
      try {
        return await fetchOnce(fetching);
      } catch (cause) {
        signal?.throwIfAborted();
        failures = fetching.furthest > before ? 1 : failures + 1;
        if (failures === ATTEMPTS || !(await canRetry(cause, part))) throw cause;
      }
      await pause(retryMilliseconds * 2 ** (failures - 1), signal);
    }
  } finally {
    await client.close();
  }
}

async function fetchOnce(fetching: Fetching): Promise<void> {
  const { url, part, client, validator } = fetching;
  const { headers = {}, signal, size, onProgress } = fetching.options;
  const transfer = await client.get({ url, headers, start: await sizeOf(part), validator, signal });
  fetching.validator = transfer.validator;
  const total = transfer.total ?? size ?? null;
  if (size !== undefined && total !== size) {
    throw new RequestFailure(`the server has a file of ${total} bytes in place of one of ${size}`);
  }
  let done = transfer.start;
  const counted = async function* () {
    for await (const piece of transfer.pieces) {
      yield piece;
      done += piece.length;
      if (total !== null && done > total) throw new RequestFailure(`more than its ${total} bytes came`);
      fetching.furthest = Math.max(fetching.furthest, done);
      onProgress?.(done, total);
    }
  };
  await writeFrom(part, transfer.start, counted());
  if (total !== null && done < total) {
    throw new RequestFailure(`${done} of ${total} bytes came`, { isTransient: true });
  }
}

/** Whether another connection may help, for which a part that the server does not know is emptied. */
async function canRetry(cause: unknown, part: string): Promise<boolean> {
  if (!(cause instanceof RequestFailure)) return false;
  if (cause.isOutOfRange) await writeFrom(part, 0, []);
  return cause.isTransient || cause.isOutOfRange;
}

/** Cuts a file off at `start` and appends to it. */
async function writeFrom(path: string, start: number, pieces: AsyncIterable<Uint8Array> | []): Promise<void> {
  const file = await open(path, 'a');
  try {
    await file.truncate(start);
    await writeFile(file, pieces);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function checkWhole(part: string, expected: DownloadOptions): Promise<void> {
  const problem = await problemWith(part, expected);
  if (problem === null) return;
  await rm(part);
  throw new RequestFailure(`what came ${problem}, and was deleted`);
}

async function isWhole(path: string, expected: DownloadOptions): Promise<boolean> {
  return (await sizeOf(path)) > 0 && (await problemWith(path, expected)) === null;
}

async function problemWith(path: string, expected: DownloadOptions): Promise<string | null> {
  if ('problem' in expected) return expected.problem(path);
  const algorithm = algorithmOf(expected);
  const actual = await hashOfFile(path, { algorithm, signal: expected.signal });
  if (hasHash(actual, expected)) return null;
  const name = algorithm === 'md5' ? 'MD5' : 'SHA-256';
  return `has the ${name} ${actual}, expected ${shownHash(expected)}`;
}

function algorithmOf(expected: ExpectedHash): 'md5' | 'sha256' {
  return 'md5' in expected ? 'md5' : 'sha256';
}

function hasHash(actual: string, expected: ExpectedHash): boolean {
  if ('sha256Prefix' in expected) return actual.startsWith(expected.sha256Prefix);
  return actual === shownHash(expected);
}

function shownHash(expected: ExpectedHash): string {
  if ('sha256Prefix' in expected)
    return `${expected.sha256Prefix}${expected.sha256Prefix.length < 64 ? '…' : ''}`;
  return 'md5' in expected ? expected.md5 : expected.sha256;
}

/** 0 where there is no such file. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}

/** A URL without user name and password, and without the query, in which signatures are sent. */
export function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
