import type { EpochMetrics } from '../engine/native-training.ts';

/** An epoch as a file holds it; files of earlier versions do not say whether it was the best so far. */
export type RecordedEpoch = Omit<EpochMetrics, 'best'> & { best?: boolean | undefined };

/**
 * The epochs of a file. Where it does not say which were the best so far, those with the highest validation accuracy
 * were; the lower validation loss decided between equal ones.
 */
export function withBest(epochs: readonly RecordedEpoch[]): EpochMetrics[] {
  let record: RecordedEpoch | null = null;
  return epochs.map((epoch) => {
    const best = record === null || (epoch.best ?? isBetter(epoch, record));
    if (best) record = epoch;
    return { ...epoch, best };
  });
}

function isBetter(epoch: RecordedEpoch, record: RecordedEpoch): boolean {
  const [accuracy, before] = [epoch.validAccuracy ?? 0, record.validAccuracy ?? 0];
  if (accuracy !== before) return accuracy > before;
  return (epoch.validLoss ?? 0) < (record.validLoss ?? 0);
}
