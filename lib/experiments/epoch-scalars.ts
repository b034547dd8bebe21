import type { EpochMetrics } from '../engine/native-training.ts';

/**
 * Values of an epoch for TensorBoard, by tag.
 *
 * @param images number of training images
 * @param processes number of processes that train together
 */
export function scalarsOf(epoch: EpochMetrics, images: number, processes = 1): Record<string, number> {
  return {
    'accuracy/train': epoch.trainAccuracy,
    'loss/train': epoch.trainLoss,
    ...(epoch.validAccuracy !== null && { 'accuracy/valid': epoch.validAccuracy }),
    ...(epoch.validLoss !== null && { 'loss/valid': epoch.validLoss }),
    ...(epoch.monitored !== undefined && { 'monitored/valid': epoch.monitored }),
    learning_rate: epoch.lr,
    images_per_second: images / epoch.seconds,
    ...(processes > 1 && { processes, images_per_second_per_process: images / epoch.seconds / processes }),
  };
}
