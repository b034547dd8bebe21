import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import {
  type FileHandle,
  link,
  lstat,
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
 * Atomic writing of files, and the directories for them.
 */

/** Matches the temporary names that `writeFileAtomically` uses. */
export const TEMPORARY = /^\.torch-tl-[0-9a-f]{16}\.tmp$/;

type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes a file so that its path names either the old content or the whole new content, even after a power cut: writes
 * to a temporary name in the same directory, syncs, renames, and syncs the directory. If the path is a symbolic link,
 * the link stays and its target is written. An existing file keeps its mode. Temporary files of killed processes in the
 * directory are removed.
 *
 * @throws TorchTlError `WRITE_FAILED` for system errors and if the path names something other than a regular file;
 *   errors that `chunks` throws, unchanged. In both cases the temporary file is removed and the old file is untouched.
 */
export async function writeFileAtomically(path: string, chunks: Chunks): Promise<void> {
  try {
    const target = await finalPath(path);
    await removeTemporaries(dirname(target));
    await writeInPlace(target, chunks, { isDurable: true });
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/**
 * Replaces a file so that a reader finds the old content or the whole new one. A power cut may take both: nothing is
 * synced. No link is resolved, so that a path through a directory's descriptor stays in that directory.
 *
 * @throws system errors
 */
export function replaceFile(path: string, content: Uint8Array): Promise<void> {
  return writeInPlace(path, [content], { isDurable: false });
}

/**
 * Writes a new file so that its path names nothing or the whole content. Nothing is replaced: returns false if there is
 * something of that name.
 *
 * @throws TorchTlError `WRITE_FAILED` for system errors; errors that `chunks` throws, unchanged
 */
export async function createFileAtomically(path: string, chunks: Chunks): Promise<boolean> {
  try {
    const { file, temporary } = await openTemporary(dirname(path));
    try {
      await writeFile(file, chunks);
      await file.sync();
      return await placeNew(temporary, path);
    } finally {
      await rm(temporary, { force: true }).catch(() => undefined);
      await file.close();
    }
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/** Gives a temporary file its name, unless there is something of that name. */
async function placeNew(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
  }
  // A file system without hard links.
  if (await lstat(path).catch(() => null)) return false;
  await rename(temporary, path);
  return true;
}

/**
 * Removes temporary files that killed processes left in a directory. Files that are being written are locked and stay.
 * Without locks nothing is removed. Harmless if the directory does not exist.
 */
export async function removeTemporaries(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isFile() && TEMPORARY.test(entry.name)) await removeAbandoned(join(directory, entry.name));
  }
}

/** Renames a synced file to its final name in the same directory, and syncs the directory, to survive a power cut. */
export async function moveIntoPlace(temporary: string, path: string): Promise<void> {
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/**
 * Makes a directory and its missing parents. Node.js' recursive mkdir reports ENOENT on a read-only or full disk, and
 * never returns under /proc.
 *
 * @throws system errors; see `unwritable`
 */
export async function makeDirectory(path: string): Promise<void> {
  const missing: string[] = [];
  for (let at = resolve(path); !(await exists(at)); at = dirname(at)) missing.push(at);
  for (const directory of missing.reverse()) {
    await mkdir(directory).catch(async (cause: NodeJS.ErrnoException) => {
      // Another process may have made it in the meantime.
      if (cause.code !== 'EEXIST' || !(await exists(directory))) throw cause;
    });
  }
  // Throws EEXIST if the path names a file.
  if (!(await stat(path)).isDirectory()) await mkdir(path);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return false;
      throw cause;
    },
  );
}

/**
 * The file that a write to `path` changes, with all symbolic links resolved. The last link may name a file that does
 * not exist yet.
 *
 * @throws TorchTlError `WRITE_FAILED` if the path names something other than a regular file; system errors
 */
export async function finalPath(path: string): Promise<string> {
  const info = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
  });
  if (!info || info.isFile()) return throughLinks(path);
  const what = info.isDirectory() ? 'it is a directory' : 'it is not a regular file';
  throw new TorchTlError('WRITE_FAILED', `Cannot write ${resolve(path)}: ${what}.`);
}

async function throughLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    const link = await readlink(path).catch(() => null);
    if (link === null) return path;
    // Not normalised: `..` after a linked directory means the parent of the link's target.
    return throughLinks(isAbsolute(link) ? link : `${dirname(path)}/${link}`);
  }
}

async function writeInPlace(
  target: string,
  chunks: Chunks,
  { isDurable }: { isDurable: boolean },
): Promise<void> {
  const old = await stat(target).catch(() => null);
  const { file, temporary } = await openTemporary(dirname(target));
  try {
    if (old) await file.chmod(old.mode & 0o7777);
    await writeFile(file, chunks);
    if (isDurable) await file.sync();
    await (isDurable ? moveIntoPlace : rename)(temporary, target);
  } catch (cause) {
    // A failure to remove the file must not hide the first error.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw cause;
  } finally {
    await file.close();
  }
}

/** A new temporary file. It is locked while open, which keeps other processes from removing it as abandoned. */
async function openTemporary(directory: string): Promise<{ file: FileHandle; temporary: string }> {
  for (;;) {
    const temporary = join(directory, `.torch-tl-${randomBytes(8).toString('hex')}.tmp`);
    const file = await open(temporary, 'wx');
    // Another process may have removed it as abandoned before it was locked.
    if (tryLock(file.fd) !== 'taken' && isAt(file.fd, temporary)) return { file, temporary };
    await file.close();
  }
}

async function removeAbandoned(path: string): Promise<void> {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch {
    // It no longer exists or belongs to another user.
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
  // Windows has no fsync for directories; its renames are journalled.
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
