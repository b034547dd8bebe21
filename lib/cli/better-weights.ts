import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { RunSetup } from '../experiments/results.ts';
import { DEFAULT_WEIGHTS } from '../options/index.ts';
import { CATALOGUE, weightsPath } from '../weights/catalogue.ts';

/**
 * A line that says what better weights would give, and the command that fetches them; null if the run has other weights
 * than the embedded ones, if ImageNet's are on this machine already, or if there is no network to fetch them from.
 */
export function betterWeights({ weights }: Pick<RunSetup, 'weights'>): string | null {
  const imagenet = CATALOGUE.find(({ name }) => name === 'imagenet');
  if (weights.source !== DEFAULT_WEIGHTS || !imagenet || existsSync(weightsPath(imagenet))) return null;
  if (!hasNetwork()) return null;
  return (
    'ImageNet weights, which the paper has, give better accuracy than the small embedded ones: ' +
    'npx torch-tl weights download imagenet (32 MB), then --weights imagenet'
  );
}

/** Whether this machine has an address that is not its own alone. Nothing is sent. */
function hasNetwork(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ internal }) => !internal));
}
