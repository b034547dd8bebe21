import type { EpochMetrics } from '../engine/native.ts';

/**
 * What TensorBoard shows of an epoch, by tag.
 *
 * @param pictures in the training set
 */
export function scalarsOf(epoch: EpochMetrics, pictures: number): Record<string, number> {
  return {
    'accuracy/train': epoch.trainAccuracy,
    'accuracy/valid': epoch.validAccuracy,
    'loss/train': epoch.trainLoss,
    'loss/valid': epoch.validLoss,
    learning_rate: epoch.lr,
    images_per_second: pictures / epoch.seconds,
  };
}
