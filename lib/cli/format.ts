import type { RunSetup } from '../experiments/results.ts';

/** `50,000` */
export function count(number: number): string {
  return Math.round(number).toLocaleString('en-US');
}

/** `92.72 %` of a fraction. */
export function percent(fraction: number): string {
  return `${(fraction * 100).toFixed(2)} %`;
}

/** `164 MB`, `1.3 GB` */
export function size(bytes: number): string {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} kB`;
  if (bytes < 1e9) return `${Math.round(bytes / 1e6)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** `4.2 s`, `58 s`, `2.5 min`, `1.3 h` */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${seconds.toFixed(0)} s`;
  if (seconds < 6000) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

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
