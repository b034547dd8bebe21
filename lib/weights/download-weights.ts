import { z } from 'zod';
import { download, type OnDownloadProgress } from '../download/download.ts';
import type { DownloadWeightsDocs } from '../options/docs.ts';
import { abortSignal, callback, checkOptions } from '../options/index.ts';
import { CATALOGUE, type NamedWeights, unknownWeights, weightsPath } from './catalogue.ts';

export const downloadWeightsOptions = z.strictObject({
  directory: z
    .string({ error: 'a path' })
    .optional()
    .describe('where it is kept, instead of in the cache directory'),
  signal: abortSignal.describe('stops the work'),
  onProgress: callback<OnDownloadProgress>().describe('hears how many are done, of how many'),
});

export type DownloadWeightsOptions = z.input<typeof downloadWeightsOptions> & DownloadWeightsDocs;

/**
 * Fetches named weights, unless they are there: into torch-tl's cache, where `DenseNet121.create`
 * finds them by name, or into `directory`. Gives the file's path, which `create` takes too.
 *
 * @param name such as `imagenet`; of embedded weights nothing is fetched
 * @throws InputError `WEIGHTS_NOT_FOUND` for an unknown name, `INVALID_ARGUMENT`; what `download` throws
 */
export async function downloadWeights(name: string, options: DownloadWeightsOptions = {}): Promise<string> {
  const weights = CATALOGUE.find((named) => named.name === name);
  if (!weights) throw unknownWeights(name);
  return downloadNamed(weights, options);
}

/** The same for weights of the catalogue, or like those. */
export async function downloadNamed(
  weights: NamedWeights,
  options: DownloadWeightsOptions = {},
): Promise<string> {
  const { directory, signal, onProgress } = checkOptions(downloadWeightsOptions, options);
  const path = weightsPath(weights, directory);
  if (weights.url) await download(weights.url, path, { sha256Prefix: weights.sha256, signal, onProgress });
  return path;
}
