import { count, listed } from '../support/format.ts';
import type { Dataset } from './dataset.ts';
import { imageNameIn } from './image-name.ts';
import { findTwinKeys } from './twins.ts';

/**
 * A sentence about validation images that are exact twins of training images, images with equal pixels; null if there
 * are none, or if both are one and the same data set.
 *
 * @throws TorchTlError `DISPOSED`; InputError `FILE_UNREADABLE`; the signal's reason after an abort
 */
export async function twinsAcross(
  train: Dataset,
  valid: Dataset,
  signal?: AbortSignal,
): Promise<string | null> {
  // Who validates on the training images themselves knows.
  if (train.images === valid.images) return null;
  const keys = await findTwinKeys([train.images, valid.images], signal);
  const trained = new Map<string, number>();
  for (const [index, key] of keys.slice(0, train.count).entries()) if (key !== null) trained.set(key, index);
  const twins = keys.slice(train.count).flatMap((key, index) => {
    const twin = key === null ? undefined : trained.get(key);
    return twin === undefined ? [] : [`${imageNameIn(valid, index)} of ${imageNameIn(train, twin)}`];
  });
  if (twins.length === 0) return null;
  return (
    `${count(twins.length)} of ${count(valid.count)} validation images ${twins.length === 1 ? 'is an exact twin' : 'are exact twins'} ` +
    `of training images (${listed(twins)}), which makes a model look better than it is. Remove them on one side.`
  );
}
