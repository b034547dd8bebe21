import { access, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isSameName } from './names.ts';

/**
 * The path under which a file is stored. If nothing has exactly this name, each part is replaced by a name that differs
 * only in its Unicode form (`normalName`). Returns `path` itself if there is no such name.
 */
export async function storedPath(path: string): Promise<string> {
  if (isPlain(path) || (await exists(path))) return path;
  const above = dirname(path);
  if (above === path) return path;
  const folder = await storedPath(above);
  const names = await readdir(folder).catch((): string[] => []);
  const stored = names.find((name) => isSameName(name, basename(path)));
  return stored === undefined ? path : join(folder, stored);
}

/** Printable ASCII has only one Unicode form. */
function isPlain(path: string): boolean {
  return /^[ -~]*$/.test(path);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
