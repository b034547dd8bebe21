import { resolve } from 'node:path';
import { InputError } from '../errors.ts';
import type { RunOptions } from '../options/index.ts';
import { type ManifestRecord, manifestOf } from './manifest.ts';
import type { RunEvent } from './run-events.ts';
import { listRunImages } from './run-model.ts';

/*
 * Comparison of a run's images with those that it was trained with, by their names, labels and pixels.
 */

/**
 * Makes sure that the images are still the same.
 *
 * @param path the run directory
 * @param then undefined or null for a run of an earlier version, which is not compared
 * @throws InputError `CHECKPOINT_MISMATCH`
 */
export function requireSameImages(
  path: string,
  then: Pick<ManifestRecord, 'sha256'> | null | undefined,
  now: ManifestRecord,
): void {
  if (!then || then.sha256 === now.sha256) return;
  throw new InputError(
    'CHECKPOINT_MISMATCH',
    `Cannot resume from ${resolve(path)}: the images differ. Use those it was trained with, or start a new run.`,
  );
}

/**
 * The same for a run that has ended, whose images nothing else would read.
 *
 * @throws InputError `CHECKPOINT_MISMATCH`, or what opening the images throws; the signal's reason
 */
export async function requireSameImagesNow(
  { path, options }: { path: string; options: RunOptions },
  then: ManifestRecord | null | undefined,
  { signal, onEvent }: { signal: AbortSignal; onEvent: (event: RunEvent) => void },
): Promise<void> {
  const listed = await listRunImages(options, signal, onEvent);
  const { train, valid } = await listed.open();
  try {
    requireSameImages(path, then, (await manifestOf({ train, valid }, signal)).record);
  } finally {
    train.dispose();
    valid.dispose();
  }
}
