import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { TorchTlError } from './errors.ts';
import { unwritable } from './files.ts';
import { type Loader, loadLoader } from './libtorch/loader.ts';
import { packageRoot } from './package-root.ts';
import { pause } from './pause.ts';

/**
 * A lock on a file, held until `release`, until nothing refers to this object any more, or until the
 * process ends, however it ends: the kernel frees it.
 */
export interface FileLock {
  /** A second call does nothing. */
  release(): void;
}

const forgotten = new FinalizationRegistry<number>(closeSync);

/**
 * Locks a file, which is made where it is not there, or gives null where it is locked already: by
 * another process, a Worker, or an earlier call of this one. Child processes do not inherit the lock.
 * It is advisory (flock): it keeps out those who ask for it, and nobody from reading or writing.
 *
 * @throws TorchTlError `WRITE_FAILED` where the file cannot be opened, or the file system or platform
 *   has no such locks; `ENGINE_NOT_BUILT`
 */
export function lockFile(path: string): FileLock | null {
  const loader = loadLoader(packageRoot);
  for (;;) {
    const descriptor = openForLock(path);
    const locked = lockOrClose(loader, descriptor, path);
    // Who held the lock before may have removed or renamed the file meanwhile.
    if (locked && isAt(descriptor, path)) return heldLock(descriptor);
    closeSync(descriptor);
    if (!locked) return null;
  }
}

/** How often to look whether a lock is free. */
const LOOK_MILLISECONDS = 200;

/**
 * The same, once nobody else has the lock.
 *
 * @param onWait is called once where somebody has
 * @throws as `lockFile`; the signal's reason
 */
export async function lockWhenFree(
  path: string,
  signal?: AbortSignal,
  onWait: () => void = () => {},
): Promise<FileLock> {
  for (let waits = false; ; waits = true) {
    signal?.throwIfAborted();
    const lock = lockFile(path);
    if (lock) return lock;
    if (!waits) onWait();
    await pause(LOOK_MILLISECONDS, signal);
  }
}

function openForLock(path: string): number {
  try {
    // Node opens every file so that child processes do not inherit it.
    return openSync(path, constants.O_RDWR | constants.O_CREAT);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

function lockOrClose(loader: Loader, descriptor: number, path: string): boolean {
  try {
    return loader.lock(descriptor);
  } catch (cause) {
    closeSync(descriptor);
    throw new TorchTlError(
      'WRITE_FAILED',
      `Cannot lock ${resolve(path)}: ${(cause as Error).message}. Choose a place on another file system.`,
      { cause },
    );
  }
}

function isAt(descriptor: number, path: string): boolean {
  const locked = fstatSync(descriptor, { bigint: true });
  const named = statSync(path, { bigint: true, throwIfNoEntry: false });
  return named !== undefined && named.ino === locked.ino && named.dev === locked.dev;
}

function heldLock(descriptor: number): FileLock {
  let held = true;
  const lock = {
    release() {
      if (!held) return;
      held = false;
      forgotten.unregister(lock);
      closeSync(descriptor);
    },
  };
  forgotten.register(lock, descriptor, lock);
  return lock;
}
