import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { holdsRun } from '../experiments/run-directory.ts';

/** How far below a directory runs are looked for: `run all --seeds` has three levels, and folds are one below a run. */
const DEPTH = 4;

/** Directories that are looked into at most: nobody's home is searched by accident. */
const MOST = 2000;

/**
 * Finds the runs in a directory and below it.
 *
 * @returns paths relative to the directory with `/` between their parts, sorted; an empty one if the directory is a run
 */
export async function findRuns(root: string): Promise<string[]> {
  const found: string[] = [];
  let level = [''];
  let looked = 0;
  for (let depth = 0; depth <= DEPTH && level.length > 0; depth++) {
    const below: string[] = [];
    for (const path of level) {
      if (looked++ > MOST) return found.sort();
      if (await holdsRun(join(root, path))) found.push(path.replaceAll(sep, '/'));
      below.push(...(await directoriesIn(root, path)));
    }
    level = below;
  }
  return found.sort();
}

/** Whether a run is a fold of another. */
export function isFold(path: string): boolean {
  return /(^|\/)folds\/\d+$/.test(path);
}

/** Empty if the directory cannot be read. */
async function directoriesIn(root: string, path: string): Promise<string[]> {
  const entries = await readdir(join(root, path), { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'checkpoint')
    .map(({ name }) => join(path, name));
}
