import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Loader, loadLoader } from '../addon/loader.ts';
import { TorchTlError } from '../errors.ts';
import { unwritable } from '../support/files.ts';
import { packageRoot } from '../support/package-root.ts';
import { pause } from '../support/pause.ts';

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
    let state: LockState;
    try {
      state = lockDescriptor(loader, descriptor, path);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    if (state === 'held') return heldLock(descriptor);
    closeSync(descriptor);
    if (state === 'taken') return null;
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

/**
 * Locks an open file until it is closed, in the same way, if nobody else has (`taken`) and if there are such locks here:
 * `impossible` without the loader addon, and on some file systems.
 */
export function tryLock(descriptor: number): 'locked' | 'taken' | 'impossible' {
  try {
    return loadLoader(packageRoot).lock(descriptor) ? 'locked' : 'taken';
  } catch {
    return 'impossible';
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

/** `gone` where who held the lock before has removed or renamed the file meanwhile. */
type LockState = 'held' | 'taken' | 'gone';

function lockDescriptor(loader: Loader, descriptor: number, path: string): LockState {
  let locked: boolean;
  try {
    locked = loader.lock(descriptor);
  } catch (cause) {
    throw new TorchTlError(
      'WRITE_FAILED',
      `Cannot lock ${resolve(path)}: ${(cause as Error).message}. Choose a place on another file system.`,
      { cause },
    );
  }
  if (!locked) return 'taken';
  try {
    return isAt(descriptor, path) ? 'held' : 'gone';
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/** Whether a path names the open file of a descriptor. */
export function isAt(descriptor: number, path: string): boolean {
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
