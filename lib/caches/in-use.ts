import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/*
 * Whether a running process holds a cache without a lock: it has mapped a library of it.
 */

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
