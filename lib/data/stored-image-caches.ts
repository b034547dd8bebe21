import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { firstLine, nameOf } from './image-cache.ts';

/** A cache of decoded images on the disk. */
export interface StoredImageCache {
  directory: string;
  /** Folder or list that the images are from. */
  source: string;
  /** Side of the images in pixels. */
  imageSize: number;
  resize: string;
}

/** The caches of decoded images in a directory. A directory whose name and index are not those of a cache is none. */
export async function storedImageCaches(root: string): Promise<StoredImageCache[]> {
  const names = await readdir(root).catch((): string[] => []);
  const read = names.map((name) => readCache(root, name).catch(() => null));
  return (await Promise.all(read)).filter((cache) => cache !== null);
}

async function readCache(root: string, name: string): Promise<StoredImageCache | null> {
  const directory = join(root, name);
  if (!(await lstat(directory)).isDirectory()) return null;
  const header = await firstLine(join(directory, 'index.jsonl'));
  if (name !== (await nameOf(header))) return null;
  const { source, imageSize, resize } = JSON.parse(header) as Omit<StoredImageCache, 'directory'>;
  return { directory, source, imageSize, resize };
}
