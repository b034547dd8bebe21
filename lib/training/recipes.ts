import { InputError, invalidArgument } from '../errors.ts';
import type { RecipeName, Stage, TrainingOptions } from '../options/index.ts';

/** A way to train in stages. */
export interface Recipe {
  description: string;
  leastEpochs: number;
  /** Shares the run's epochs out. */
  stages(run: Pick<TrainingOptions, 'epochs' | 'learningRate'>): Stage[];
}

/** Those that have a name. */
export const recipes: Readonly<Record<RecipeName, Recipe>> = {
  head: {
    description: 'The head, the backbone being frozen.',
    leastEpochs: 1,
    stages: ({ epochs }) => [{ name: 'head', epochs, freeze: 'backbone' }],
  },
  'fine-tune': {
    description:
      "fastai's `fine_tune`: one epoch of the head alone, then all layers for the rest at learning rates from a " +
      'two-hundredth of the given one in the stem to half of it in the head; both stages one-cycle.',
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
      'A quarter of the epochs the head alone, a quarter with `denseblock4` and `norm5` too, the rest all layers at a ' +
      'hundredth of the learning rate.',
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

/** From the stem to the head, each transition with the block before it. */
const DEPTHS = [
  ['conv0', 'norm0'],
  ['denseblock1', 'transition1'],
  ['denseblock2', 'transition2'],
  ['denseblock3', 'transition3'],
  ['denseblock4', 'norm5'],
  ['classifier'],
];

/**
 * `layerLearningRates` that rise from `low` in the stem to `high` in the head, each depth's being the
 * same multiple of the one before (fastai's `slice(low, high)`).
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
 * Of all stages.
 *
 * @throws what `stagesOf` throws
 */
export function epochsOf(run: TrainingOptions): number {
  return stagesOf(run).reduce((sum, { epochs }) => sum + epochs, 0);
}

/**
 * The stages that a run's options mean: its recipe's, or a single one.
 *
 * @throws InputError `INVALID_ARGUMENT` for too few epochs, or a recipe beside `freeze`
 */
export function stagesOf(run: TrainingOptions): readonly Stage[] {
  const { recipe, epochs, freeze } = run;
  if (recipe === undefined) return [{ epochs }];
  if (typeof recipe !== 'string') return recipe;
  if (freeze !== undefined) {
    throw new InputError(
      'INVALID_ARGUMENT',
      `The recipe '${recipe}' says itself what is frozen; leave out freeze, or the recipe.`,
    );
  }
  const { leastEpochs, stages } = recipes[recipe];
  if (epochs < leastEpochs) {
    throw invalidArgument('epochs', `at least ${leastEpochs} for the recipe '${recipe}'`, epochs);
  }
  return stages(run);
}
