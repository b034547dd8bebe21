import { count } from '../format.ts';
import type { RunSetup } from './results.ts';

/** Which pictures are used, in one line. */
export function dataText(data: Omit<RunSetup['dataset'], 'skipped'>): string {
  const pictures = `${count(data.train)} training and ${count(data.valid)} validation pictures`;
  return `${data.name} (${data.source}), ${pictures} (${data.validation})`;
}

/** Which model it is, in one line. */
export function modelText({
  experiment,
  imageSize,
  trainableParameters,
  totalParameters,
}: Pick<RunSetup, 'experiment' | 'imageSize' | 'trainableParameters' | 'totalParameters'>): string {
  const trained = `${count(trainableParameters)} of ${count(totalParameters)} parameters train`;
  return `${experiment} at ${imageSize}x${imageSize}, ${trained}`;
}

/** Which weights a backbone starts from, in one line. */
export function weightsText(weights: RunSetup['weights']): string {
  if (weights.sha256 === null) return `${weights.source}, drawn from the seed`;
  const learnt = weights.trainedOn
    ? `trained on ${weights.trainedOn}`
    : 'the file does not say what they learnt from';
  return `${weights.source}, ${learnt} (SHA-256 ${weights.sha256})`;
}
