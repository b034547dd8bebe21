import { access, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isSameName } from './names.ts';

/**
 * A path as it is stored: where nothing is called exactly so, what has the same name in another form of its characters
 * (`normalName`), folder by folder; the path itself where there is none.
 */
export async function storedPath(path: string): Promise<string> {
  if (isPlain(path) || (await isThere(path))) return path;
  const above = dirname(path);
  if (above === path) return path;
  const folder = await storedPath(above);
  const names = await readdir(folder).catch((): string[] => []);
  const stored = names.find((name) => isSameName(name, basename(path)));
  return stored === undefined ? path : join(folder, stored);
}

/** Of such characters there is one form alone. */
function isPlain(path: string): boolean {
  return /^[ -~]*$/.test(path);
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
