import { freemem, tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { FeatureCacheOptions } from '../engine/native.ts';

/**
 * The engine's options for a feature cache that may take half of the memory that is free now, in this
 * process's control group too.
 *
 * @param option a directory whose files are kept for later trainings, or whether there is a cache at all
 * @param checkpoint a training's checkpoint file: what does not fit into memory goes beside it, else into
 *   the system's temporary directory
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
