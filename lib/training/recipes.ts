import { InputError, invalidArgument } from '../errors.ts';
import type { RecipeName, Stage, TrainingOptions } from '../options/index.ts';

/** A named sequence of training stages. */
export interface Recipe {
  description: string;
  /** Minimum number of epochs. */
  leastEpochs: number;
  /** Divides the epochs among the stages. */
  stages(run: Pick<TrainingOptions, 'epochs' | 'learningRate'>): Stage[];
}

/** All named recipes. */
export const recipes: Readonly<Record<RecipeName, Recipe>> = {
  head: {
    description: 'Trains the head alone; the backbone is frozen.',
    leastEpochs: 1,
    stages: ({ epochs }) => [{ name: 'head', epochs, freeze: 'backbone' }],
  },
  'fine-tune': {
    description:
      "Trains as fastai's `fine_tune`: the head alone for one epoch, then all layers for the remaining epochs. In the " +
      'second stage the learning rate rises from 1/200 of the given one in the stem to 1/2 of it in the head. Both stages ' +
      'use the one-cycle schedule.',
    leastEpochs: 2,
    stages: ({ epochs, learningRate }) => [
      { name: 'head', epochs: 1, freeze: 'backbone', schedule: 'one-cycle' },
      {
        name: 'all',
        epochs: epochs - 1,
        freeze: [],
        schedule: 'one-cycle',
        learningRate: learningRate / 2,
        layerLearningRates: spreadLearningRates(learningRate / 200, learningRate / 2),
      },
    ],
  },
  gradual: {
    description:
      'Trains the head alone for a quarter of the epochs, then `denseblock4` and `norm5` with it for another quarter, then ' +
      'all layers at 1/100 of the learning rate.',
    leastEpochs: 3,
    stages({ epochs, learningRate }) {
      const quarter = Math.max(1, Math.floor(epochs / 4));
      return [
        { name: 'head', epochs: quarter, freeze: 'backbone' },
        { name: 'last block', epochs: quarter, freeze: { through: 'transition3' } },
        { name: 'all', epochs: epochs - 2 * quarter, freeze: [], learningRate: learningRate / 100 },
      ];
    },
  },
};

/** Layer groups from the stem to the head, each transition with the block before it. */
const DEPTHS = [
  ['conv0', 'norm0'],
  ['denseblock1', 'transition1'],
  ['denseblock2', 'transition2'],
  ['denseblock3', 'transition3'],
  ['denseblock4', 'norm5'],
  ['classifier'],
];

/**
 * Spreads learning rates over the depth of the network: `layerLearningRates` that rise geometrically from `low` in the
 * stem to `high` in the head (fastai's `slice(low, high)`).
 */
export function spreadLearningRates(low: number, high: number): Record<string, number> {
  const last = DEPTHS.length - 1;
  const rates = DEPTHS.flatMap((layers, depth) => {
    const rate = high * (low / high) ** ((last - depth) / last);
    return layers.map((layer) => [layer, rate]);
  });
  return Object.fromEntries(rates);
}

/**
 * Total number of epochs of all stages.
 *
 * @throws what `stagesOf` throws
 */
export function epochsOf(run: TrainingOptions): number {
  return stagesOf(run).reduce((sum, { epochs }) => sum + epochs, 0);
}

/**
 * Stages of a training: those of its recipe, or a single one without a recipe.
 *
 * @throws InputError `INVALID_ARGUMENT` for too few epochs, or for a named recipe together with `freeze`
 */
export function stagesOf(run: TrainingOptions): readonly Stage[] {
  const { recipe, epochs, freeze } = run;
  if (recipe === undefined) return [{ epochs }];
  if (typeof recipe !== 'string') return recipe;
  if (freeze !== undefined) {
    throw new InputError(
      'INVALID_ARGUMENT',
      `The recipe '${recipe}' sets freeze itself. Leave out freeze or the recipe.`,
    );
  }
  const { leastEpochs, stages } = recipes[recipe];
  if (epochs < leastEpochs) {
    throw invalidArgument('epochs', `at least ${leastEpochs} for the recipe '${recipe}'`, epochs);
  }
  return stages(run);
}
