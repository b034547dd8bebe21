import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Loader, loadLoader } from '../addon/loader.ts';
import { TorchTlError } from '../errors.ts';
import { unwritable } from '../support/files.ts';
import { packageRoot } from '../support/package-root.ts';
import { pause } from '../support/signals.ts';

/**
 * A lock on a file. It is held until `release` is called, this object is garbage-collected or the process ends: the
 * kernel then frees it, even after a crash.
 */
export interface FileLock {
  /** A second call does nothing. */
  release(): void;
}

const unreleased = new FinalizationRegistry<number>(closeSync);

/**
 * Locks a file, creating it if needed. Returns null if it is already locked by another process, a Worker or an earlier
 * call of this process. Child processes do not inherit the lock. The lock is advisory (flock): it does not prevent
 * reads and writes.
 *
 * @throws TorchTlError `WRITE_FAILED` if the file cannot be opened or the file system or platform has no such locks;
 *   `ENGINE_NOT_BUILT` if the loader addon is missing
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

/** Interval between attempts to get a lock. */
const POLL_MILLISECONDS = 200;

/**
 * Waits until a file can be locked, and locks it as `lockFile` does.
 *
 * @param onWait called once if the file is locked at first
 * @throws as `lockFile`; the signal's reason after an abort
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
    await pause(POLL_MILLISECONDS, signal);
  }
}

/**
 * Tries to lock an open file until it is closed, as `lockFile` does. `taken`: somebody else holds the lock.
 * `impossible`: the loader addon is missing or the file system has no locks.
 */
export function tryLock(descriptor: number): 'locked' | 'taken' | 'impossible' {
  try {
    return loadLoader(packageRoot).lock(descriptor) ? 'locked' : 'taken';
  } catch {
    return 'impossible';
  }
}

/**
 * Whether somebody holds the lock of a file; false if there is no such file. To find out, the lock is held for an
 * instant, so a `lockFile` at that moment finds it taken: who must not fail then tries again.
 */
export function isLocked(path: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  try {
    return tryLock(descriptor) === 'taken';
  } finally {
    closeSync(descriptor);
  }
}

function openForLock(path: string): number {
  try {
    // Node.js opens files with O_CLOEXEC, so child processes do not inherit the descriptor.
    return openSync(path, constants.O_RDWR | constants.O_CREAT);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/** `gone`: the previous holder of the lock has removed or renamed the file. */
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

/** Whether `path` still names the file that is open as `descriptor`. */
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
      unreleased.unregister(lock);
      closeSync(descriptor);
    },
  };
  unreleased.register(lock, descriptor, lock);
  return lock;
}
