import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { TorchTlError } from '../errors.ts';
import { unwritable } from '../support/files.ts';
import { isAt, tryLock } from './file-lock.ts';

/*
 * Files that are there whole or not at all, and the directories for them.
 */

/** The names of files that `writeFileAtomically` is writing. */
export const TEMPORARY = /^\.torch-tl-[0-9a-f]{16}\.tmp$/;

type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes a file so that its path names either the old content or the whole new one, even after a
 * power cut: a temporary name in the same directory, fsync, rename, fsync of the directory. Where the path is a
 * symbolic link, the file that it leads to is written and the link stays. A file that is there keeps its mode. What
 * killed processes have left in the directory goes.
 *
 * @throws TorchTlError `WRITE_FAILED` for what the system refuses, and where something else than a regular file is
 *   there; an error that `chunks` throws passes unchanged. Either way the temporary file is removed and the old one is
 *   left as it was.
 */
export async function writeFileAtomically(path: string, chunks: Chunks): Promise<void> {
  try {
    const target = await finalPath(path);
    await removeTemporaries(dirname(target));
    await writeInPlace(target, chunks);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/**
 * Removes what processes that were killed while they wrote a file have left in a directory, if it is there. A file that
 * is being written is locked, and stays; so does all where there are no locks.
 */
export async function removeTemporaries(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isFile() && TEMPORARY.test(entry.name)) await removeForgotten(join(directory, entry.name));
  }
}

/** Gives a file that is synced to the disk its final name in the same directory, so that it survives a power cut. */
export async function moveIntoPlace(temporary: string, path: string): Promise<void> {
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/**
 * Makes a directory, and those that it lies in, where they are not there. Node's own way tells of a read-only or a full
 * disk that something does not exist, and never ends under /proc.
 *
 * @throws what the file system throws, for `unwritable`
 */
export async function makeDirectory(path: string): Promise<void> {
  const missing: string[] = [];
  for (let at = resolve(path); !(await isThere(at)); at = dirname(at)) missing.push(at);
  for (const directory of missing.reverse()) {
    await mkdir(directory).catch(async (cause: NodeJS.ErrnoException) => {
      // Another process may have made it meanwhile.
      if (cause.code !== 'EEXIST' || !(await isThere(directory))) throw cause;
    });
  }
  // Of a file this throws.
  if (!(await stat(path)).isDirectory()) await mkdir(path);
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return false;
      throw cause;
    },
  );
}

/**
 * The file that is written where a path is given: through all symbolic links, the last of which may lead to a file that
 * is not there yet.
 *
 * @throws TorchTlError `WRITE_FAILED` where something else than a regular file is there; what the file system throws
 */
export async function finalPath(path: string): Promise<string> {
  const info = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
  });
  if (!info || info.isFile()) return throughLinks(path);
  const what = info.isDirectory() ? 'it is a directory' : 'it is no regular file';
  throw new TorchTlError('WRITE_FAILED', `Cannot write ${resolve(path)}: ${what}.`);
}

async function throughLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    const link = await readlink(path).catch(() => null);
    if (link === null) return path;
    // Not normalised: `..` behind a linked directory leads out of where that link leads to.
    return throughLinks(isAbsolute(link) ? link : `${dirname(path)}/${link}`);
  }
}

async function writeInPlace(target: string, chunks: Chunks): Promise<void> {
  const old = await stat(target).catch(() => null);
  const { file, temporary } = await openTemporary(dirname(target));
  try {
    if (old) await file.chmod(old.mode & 0o7777);
    await writeFile(file, chunks);
    await file.sync();
    await moveIntoPlace(temporary, target);
  } catch (cause) {
    // The first error is the one that matters.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw cause;
  } finally {
    await file.close();
  }
}

/** A new file that is locked for as long as it is open, which tells others that it is not forgotten. */
async function openTemporary(directory: string): Promise<{ file: FileHandle; temporary: string }> {
  for (;;) {
    const temporary = join(directory, `.torch-tl-${randomBytes(8).toString('hex')}.tmp`);
    const file = await open(temporary, 'wx');
    // Before it was locked, another process may have taken it for forgotten.
    if (tryLock(file.fd) !== 'taken' && isAt(file.fd, temporary)) return { file, temporary };
    await file.close();
  }
}

async function removeForgotten(path: string): Promise<void> {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch {
    // It is gone, or another user's.
    return;
  }
  try {
    if (!fstatSync(descriptor).isFile() || tryLock(descriptor) !== 'locked') return;
    if (isAt(descriptor, path)) await rm(path, { force: true }).catch(() => undefined);
  } finally {
    closeSync(descriptor);
  }
}

async function syncDirectory(path: string): Promise<void> {
  // Windows has no fsync of a directory; its renames are journalled.
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
