import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from '../files/file-lock.ts';

/*
 * Whether a running process holds a cache: it has locked a file of it, or has mapped one, as it does with a library.
 */

/** Whether another open file holds a lock on one of these files. Files that do not exist are not held. */
export function isLocked(paths: readonly string[]): boolean {
  return paths.some((path) => {
    let descriptor: number;
    try {
      descriptor = openSync(path, 'r');
    } catch {
      return false;
    }
    try {
      return tryLock(descriptor) === 'taken';
    } finally {
      closeSync(descriptor);
    }
  });
}

/** Whether a process of this user has loaded a library from a directory. Only Linux tells. */
export function isLoaded(directory: string): boolean {
  return processes().some((process) => {
    try {
      return readFileSync(join('/proc', process, 'maps'), 'utf8').includes(` ${directory}/`);
    } catch {
      // It has ended, or belongs to somebody else.
      return false;
    }
  });
}

function processes(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}
