import { freemem, tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { FeatureCacheOptions } from '../engine/native.ts';

/**
 * The engine's options for the feature cache. The cache may take half of the memory that is free now, both on the machine
 * and in this process's control group.
 *
 * @param option directory of files that are kept for later trainings; true for a cache without such files, false for
 *   no cache
 * @param checkpoint checkpoint file of the training; features that do not fit into memory go to its directory, or without
 *   a checkpoint to the system's temporary directory
 */
export function featureCacheOptions(
  option: string | boolean,
  checkpoint: string | undefined,
): FeatureCacheOptions | null {
  if (option === false) return null;
  const scratch = checkpoint === undefined ? tmpdir() : dirname(checkpoint);
  const free = Math.min(freemem(), process.availableMemory());
  return { directory: resolve(option === true ? scratch : option), memoryLimit: Math.floor(free / 2) };
}
