import { open, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InputError, TorchTlError } from '../errors.ts';
import { makeDirectory, moveIntoPlace } from '../files/atomic-file.ts';
import { type FileLock, lockWhenFree } from '../files/file-lock.ts';
import { hashOfFile, unwritable } from '../support/files.ts';
import { pause } from '../support/signals.ts';
import { HttpClient, RequestFailure } from './http.ts';

/** Number of consecutive failures without new bytes after which a download is given up. */
const ATTEMPTS = 5;

/** Both in bytes from the beginning of the file; `total` is null if the server does not send it. */
export type OnDownloadProgress = (done: number, total: number | null) => void;

/** Hash of the whole file in lower-case hexadecimal; MD5 if the publisher gives no other. */
export type ExpectedHash = { sha256: string } | { sha256Prefix: string } | { md5: string };

/** A check for a file whose hash is not published. */
export interface FileCheck {
  /** The problem with the file at `path`, as a predicate such as `is not a zip archive`; null if it is valid. */
  problem(path: string): Promise<string | null>;
}

export type DownloadOptions = (ExpectedHash | FileCheck) & {
  /** Size of the whole file in bytes. */
  size?: number;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  onProgress?: OnDownloadProgress | undefined;
  /** Time without data after which a connection counts as broken; default 30,000. */
  stallMilliseconds?: number;
  /** Wait before reconnecting, doubled after each failure without new bytes; default 500. */
  retryMilliseconds?: number;
};

/**
 * Downloads a file to `path`, unless a valid file is already there: one with the expected hash, or one for which
 * `problem` returns null. Data arrives in `path.part`; after an abort, failure or crash a later call resumes it. A
 * valid file is renamed to `path` atomically and synced to the disk. If another process downloads the same file, this
 * call waits for it. Uses the proxies in HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
 *
 * @param url http or https; redirects are followed
 * @throws TorchTlError `DOWNLOAD_FAILED` with the reason from the server or system, or for a wrong size or hash;
 *   `WRITE_FAILED`; `ENGINE_NOT_BUILT` if the loader addon is missing; the signal's reason after an abort
 */
export async function download(url: string, path: string, options: DownloadOptions): Promise<void> {
  options.signal?.throwIfAborted();
  if (await isWhole(path, options)) return;
  const part = `${path}.part`;
  const lock = await lockPart(part, options.signal);
  try {
    // The previous holder of the lock may have downloaded the file.
    if (await isWhole(path, options)) return;
    if (!(await isWhole(part, options))) await fetchPart(url, path, part, options);
    await moveIntoPlace(part, path);
  } catch (cause) {
    throw unwritable(path, cause);
  } finally {
    // Locking creates the file; remove it if nothing arrived.
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
      `Cannot download ${withoutSecrets(url)}: ${cause.message}. Try again, set HTTPS_PROXY=URL if you need a proxy, ` +
        `or put the file at ${resolve(path)} yourself.`,
      { cause },
    );
  }
}

/** State of a running download. */
interface Fetching {
  readonly url: string;
  readonly part: string;
  readonly options: DownloadOptions;
  readonly client: HttpClient;
  /** The server's entity tag or date of the file that the part belongs to; null for a part of an earlier call. */
  validator: string | null;
  /** Largest size of the part so far. It shows progress even if the server sends the file from the start each time. */
  furthest: number;
}

/** Connects as often as needed until the file is complete. */
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
    throw new RequestFailure(`the server's file has ${total} bytes instead of ${size}`);
  }
  let done = transfer.start;
  const counted = async function* () {
    for await (const piece of transfer.pieces) {
      yield piece;
      done += piece.length;
      if (total !== null && done > total)
        throw new RequestFailure(`the server sent more than ${total} bytes`);
      fetching.furthest = Math.max(fetching.furthest, done);
      onProgress?.(done, total);
    }
  };
  await writeFrom(part, transfer.start, counted());
  if (total !== null && done < total) {
    throw new RequestFailure(`only ${done} of ${total} bytes arrived`, { isTransient: true });
  }
}

/** Whether another connection may succeed. A part that does not fit the server's file is emptied. */
async function canRetry(cause: unknown, part: string): Promise<boolean> {
  if (!(cause instanceof RequestFailure)) return false;
  if (cause.isOutOfRange) await writeFrom(part, 0, []);
  return cause.isTransient || cause.isOutOfRange;
}

/** Truncates a file to `start` bytes and appends to it. */
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
  const problem = await problemWith(part, expected).catch((error) => {
    // The part is this call's own: that it is gone is no fault of what the user gave.
    throw error instanceof InputError ? error.cause : error;
  });
  if (problem === null) return;
  await rm(part);
  throw new RequestFailure(`the downloaded file ${problem}; it was deleted`);
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
  return `has the ${name} ${actual}, expected ${hashText(expected)}`;
}

function algorithmOf(expected: ExpectedHash): 'md5' | 'sha256' {
  return 'md5' in expected ? 'md5' : 'sha256';
}

function hasHash(actual: string, expected: ExpectedHash): boolean {
  if ('sha256Prefix' in expected) return actual.startsWith(expected.sha256Prefix);
  return actual === hashText(expected);
}

function hashText(expected: ExpectedHash): string {
  if ('sha256Prefix' in expected)
    return `${expected.sha256Prefix}${expected.sha256Prefix.length < 64 ? '…' : ''}`;
  return 'md5' in expected ? expected.md5 : expected.sha256;
}

/** Size of a file in bytes; 0 if it does not exist. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}

/** A URL without user name, password and query, which may contain signatures. */
export function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
