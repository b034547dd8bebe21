import { z } from 'zod';
import { download, type OnDownloadProgress } from '../download/download.ts';
import type { DownloadWeightsDocs } from '../options/docs.ts';
import { abortSignal, callback, checkOptions } from '../options/index.ts';
import { CATALOGUE, type NamedWeights, unknownWeights, weightsPath } from './catalogue.ts';

export const downloadWeightsOptions = z.strictObject({
  directory: z
    .string({ error: 'a path' })
    .optional()
    .describe('directory for the file, instead of the cache directory'),
  signal: abortSignal.describe('stops the download'),
  onProgress: callback<OnDownloadProgress>().describe(
    'receives the downloaded and the total number of bytes',
  ),
});

export type DownloadWeightsOptions = z.input<typeof downloadWeightsOptions> & DownloadWeightsDocs;

/**
 * Downloads named weights, unless the file already exists: into torch-tl's cache, where `DenseNet121.create` finds them
 * by name, or into `directory`. Returns the file's path, which `create` also accepts.
 *
 * @param name such as `imagenet`; embedded weights need no download
 * @throws InputError `WEIGHTS_NOT_FOUND` for an unknown name, `INVALID_ARGUMENT`; TorchTlError `DOWNLOAD_FAILED`,
 *   `WRITE_FAILED`, `ENGINE_NOT_BUILT` if the loader addon is missing; the signal's reason after an abort
 */
export async function downloadWeights(name: string, options: DownloadWeightsOptions = {}): Promise<string> {
  const weights = CATALOGUE.find((named) => named.name === name);
  if (!weights) throw unknownWeights(name);
  return downloadNamed(weights, options);
}

/** As `downloadWeights`, for an entry of the catalogue or one like it. */
export async function downloadNamed(
  weights: NamedWeights,
  options: DownloadWeightsOptions = {},
): Promise<string> {
  const { directory, signal, onProgress } = checkOptions(downloadWeightsOptions, options);
  const path = weightsPath(weights, directory);
  if (weights.url) await download(weights.url, path, { sha256Prefix: weights.sha256, signal, onProgress });
  return path;
}
