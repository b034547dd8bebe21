import type { EpochMetrics } from '../engine/native.ts';

/**
 * What TensorBoard shows of an epoch, by tag.
 *
 * @param images in the training set
 */
export function scalarsOf(epoch: EpochMetrics, images: number): Record<string, number> {
  return {
    'accuracy/train': epoch.trainAccuracy,
    'accuracy/valid': epoch.validAccuracy,
    'loss/train': epoch.trainLoss,
    'loss/valid': epoch.validLoss,
    learning_rate: epoch.lr,
    images_per_second: images / epoch.seconds,
  };
}
