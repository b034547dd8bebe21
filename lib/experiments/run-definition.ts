import type { HeadName } from '../options/head.ts';
import type { RunOptions } from '../options/index.ts';
import { type Experiment, type ExperimentName, experimentName, experiments } from './paper.ts';

/** The defaults of a run's model: those of one of the paper's experiments, or those for the user's own images. */
export interface RunDefinition extends Pick<Experiment, 'init' | 'frozenBackbone'> {
  name: ExperimentName | 'train';
  head: HeadName;
}

/** For the user's own images. */
export const OWN_IMAGES: RunDefinition = {
  name: 'train',
  head: 'linear',
  init: 'pretrained',
  frozenBackbone: false,
};

/**
 * The defaults of a named experiment, or of `train`.
 *
 * @throws InputError `INVALID_ARGUMENT` for an unknown name
 */
export function definitionOf(name: string): RunDefinition {
  if (name === OWN_IMAGES.name) return OWN_IMAGES;
  const experiment = experimentName(name);
  const { head, init, frozenBackbone } = experiments[experiment];
  return { name: experiment, head, init, frozenBackbone };
}

/** What the backbone starts from. Weights that the caller names are used, whatever the experiment's default. */
export function initOf(
  { init: byDefault }: RunDefinition,
  { init, weights }: RunOptions,
): 'pretrained' | 'random' {
  return init ?? (weights === undefined ? byDefault : 'pretrained');
}
