import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { download, type OnDownloadProgress } from '../../download/download.ts';
import type { DownloadCifar10Docs } from '../../options/docs.ts';
import { abortSignal, callback, checkOptions } from '../../options/index.ts';
import { cacheDirectory } from '../../support/cache-directory.ts';
import { holdsUnpacked, unpackCifar10 } from './archive.ts';

/** Where an archive is, and what it must be. */
export interface Cifar10Archive {
  url: string;
  md5: string;
  /** Bytes. */
  size: number;
}

/** https://www.cs.toronto.edu/~kriz/cifar.html, which gives these sums. */
const OFFICIAL: Cifar10Archive = {
  url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
  md5: 'c32a1d4ab5d03f1284b67883e8d87530',
  size: 170_052_171,
};

export const downloadCifar10Options = z.strictObject({
  directory: z
    .string({ error: 'a path' })
    .optional()
    .describe('where it is kept, instead of in the cache directory'),
  signal: abortSignal.describe('stops the work'),
  onProgress: callback<OnDownloadProgress>().describe('hears how many are done, of how many'),
});

export type DownloadCifar10Options = z.input<typeof downloadCifar10Options> & DownloadCifar10Docs;

/**
 * Fetches CIFAR-10 whole (170 MB) and unpacks it, unless it is there: into torch-tl's cache, where `auto` finds it, or
 * into `directory`, which is replaced. Gives the directory. An interrupted download goes on where it was.
 *
 * @throws InputError `INVALID_ARGUMENT`; `DATA_INVALID`; what `download` throws
 */
export async function downloadCifar10(options: DownloadCifar10Options = {}): Promise<string> {
  return downloadArchive(OFFICIAL, options);
}

/** The same from another place. */
export async function downloadArchive(
  { url, ...expected }: Cifar10Archive,
  options: DownloadCifar10Options = {},
): Promise<string> {
  const { directory = join(cacheDirectory(), 'cifar10'), ...control } = checkOptions(
    downloadCifar10Options,
    options,
  );
  const path = resolve(directory);
  if (await holdsUnpacked(path)) return path;
  const archive = `${path}.tar.gz`;
  await download(url, archive, { ...expected, ...control });
  await unpackCifar10(archive, path);
  await rm(archive, { force: true });
  return path;
}
