import type { EpochMetrics } from '../engine/native.ts';

/**
 * Values of an epoch for TensorBoard, by tag.
 *
 * @param images number of training images
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
