import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { download, type OnDownloadProgress } from '../../download/download.ts';
import type { DownloadCifar10Docs } from '../../options/docs.ts';
import { abortSignal, callback, checkOptions } from '../../options/index.ts';
import { cacheDirectory } from '../../support/cache-directory.ts';
import { unwritable } from '../../support/files.ts';
import { holdsUnpacked, unpackCifar10 } from './archive.ts';

/** Location, hash and size of an archive. */
export interface Cifar10Archive {
  url: string;
  md5: string;
  /** Size in bytes. */
  size: number;
}

/** URL and MD5 from https://www.cs.toronto.edu/~kriz/cifar.html. */
const OFFICIAL: Cifar10Archive = {
  url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
  md5: 'c32a1d4ab5d03f1284b67883e8d87530',
  size: 170_052_171,
};

export const downloadCifar10Options = z.strictObject({
  directory: z
    .string({ error: 'a path' })
    .optional()
    .describe('directory for the data, instead of the cache directory'),
  signal: abortSignal.describe('stops the download'),
  onProgress: callback<OnDownloadProgress>().describe(
    'receives the downloaded and the total number of bytes',
  ),
});

export type DownloadCifar10Options = z.input<typeof downloadCifar10Options> & DownloadCifar10Docs;

/**
 * Downloads the full CIFAR-10 (170 MB) and unpacks it, unless it already exists: into torch-tl's cache, where `auto`
 * finds it, or into `directory`, which is replaced. Returns the directory. An interrupted download is resumed.
 *
 * @throws InputError `INVALID_ARGUMENT`, `DATA_INVALID`; TorchTlError `DOWNLOAD_FAILED`, `WRITE_FAILED`,
 *   `ENGINE_NOT_BUILT` if the loader addon is missing; the signal's reason after an abort
 */
export async function downloadCifar10(options: DownloadCifar10Options = {}): Promise<string> {
  return downloadArchive(OFFICIAL, options);
}

/** As `downloadCifar10`, for an archive at any URL. */
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
  await rm(archive, { force: true }).catch((cause) => {
    throw unwritable(archive, cause);
  });
  return path;
}
