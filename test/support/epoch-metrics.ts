import type { EpochMetrics } from '../../lib/engine/native-training.ts';

/** An epoch like any other. */
export function epochMetrics(epoch: number): EpochMetrics {
  return {
    epoch,
    stage: 1,
    lr: 1e-3,
    trainLoss: 1,
    trainAccuracy: 0.5,
    validLoss: 1,
    validAccuracy: 0.5,
    seconds: 1,
    best: false,
  };
}
