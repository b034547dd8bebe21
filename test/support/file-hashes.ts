import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** SHA-256 of a file; null if there is none. */
export function hashOf(file: string): string | null {
  return existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : null;
}

/** The files under a directory, sorted, with their sizes in bytes. */
export function filesUnder(directory: string): Array<{ path: string; size: number }> {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return paths.sort().map((path) => ({ path, size: statSync(path, { throwIfNoEntry: false })?.size ?? 0 }));
}

/** The same by their names, with their hashes. */
export function hashesIn(directory: string): Record<string, string | null> {
  const files = filesUnder(directory).map(({ path }) => [path.slice(directory.length + 1), hashOf(path)]);
  return Object.fromEntries(files);
}
