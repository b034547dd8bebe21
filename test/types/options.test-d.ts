import type {
  CreateOptions,
  Dataset,
  DenseNet121,
  FitOptions,
  LayerSelection,
  Stage,
} from '../../lib/index.ts';

/*
 * Checked by `tsc --noEmit`, never run: what must compile does, and each line under
 * `@ts-expect-error` must not.
 */

declare const valid: Dataset;
declare const model: DenseNet121;

export const allowed: FitOptions[] = [
  { valid },
  { valid, optimizer: 'adamw', schedule: 'one-cycle', clipNorm: 1, emaDecay: 0.999 },
  { valid, freeze: 'backbone', featureCache: '/tmp/features', earlyStoppingPatience: 'off' },
  { valid, freeze: ['conv0', /norm\d/, { through: 'denseblock3' }], classWeights: { cat: 2 } },
  { valid, recipe: 'fine-tune', augmentation: 'strong', classWeights: 'balanced' },
  {
    valid,
    recipe: [
      { epochs: 1, freeze: [] },
      { epochs: 2, learningRate: 1e-4 },
    ],
  },
  { valid, augmentation: { randomErasing: { probability: 0.5 }, mixup: 0.2, randomCrop: null } },
];

export const refused: FitOptions[] = [
  // @ts-expect-error: the validation set is missing
  {},
  // @ts-expect-error: misspelt
  { valid, learningrate: 1e-3 },
  // @ts-expect-error: no such optimiser
  { valid, optimizer: 'Adam' },
  // @ts-expect-error: no such schedule
  { valid, schedule: 'linear' },
  // @ts-expect-error: no such recipe
  { valid, recipe: 'finetune' },
  // @ts-expect-error: no such preset
  { valid, augmentation: 'medium' },
  // @ts-expect-error: misspelt inside the augmentation
  { valid, augmentation: { mixUp: 0.2 } },
  // @ts-expect-error: a scale is two numbers
  { valid, augmentation: { randomResizedCrop: { scale: [0.5] } } },
  // @ts-expect-error: text for a number
  { valid, classWeights: { cat: 'heavy' } },
  // @ts-expect-error: neither a number nor off
  { valid, earlyStoppingPatience: 'never' },
];

// @ts-expect-error: a stage needs epochs
export const withoutEpochs: Stage = { learningRate: 1e-3 };
// @ts-expect-error: the seed is the run's
export const withSeed: Stage = { epochs: 1, seed: 0 };
// @ts-expect-error: misspelt
export const misspelt: LayerSelection = { trough: 'denseblock3' };
// @ts-expect-error: no such head
export const head: CreateOptions = { classes: ['cat', 'dog'], head: 'linaer' };

export function freeze(): void {
  model.freeze('denseblock4', /norm5/, { through: 'transition1' });
  // @ts-expect-error: a list is spread
  model.freeze(['denseblock4']);
}
