import { listImages } from '../data/source.ts';
import { DEFAULT_WEIGHTS, type RunOptions, runOptions } from '../options/index.ts';
import { unusedNames } from '../training/effects.ts';
import { checkTraining } from '../training/without-validation.ts';
import type { TrainClassifierOptions } from './train-classifier.ts';

/** Options chosen for the user's own images, without those that the user set, and the reason as a sentence. */
export interface Recommendation {
  options: Partial<RecommendedOptions>;
  reason: string;
}

interface RecommendedOptions {
  imageSize: number;
  recipe: 'head' | 'fine-tune';
  epochs: number;
  schedule: 'cosine';
  augmentation: 'none' | 'light' | 'strong';
}

/** The embedded backbone learnt from images of 64 to 128 pixels: larger images only cost time. */
const EMBEDDED_IMAGE_SIZE = 128;

/** Options by the number of training images. */
const BY_COUNT: ReadonlyArray<{ below: number; called: string; options: RecommendedOptions }> = [
  {
    // Too few to improve a backbone.
    below: 1_000,
    called: 'under 1,000 training images',
    options: { imageSize: 224, recipe: 'head', epochs: 30, schedule: 'cosine', augmentation: 'none' },
  },
  {
    below: 20_000,
    called: 'under 20,000 training images',
    options: { imageSize: 224, recipe: 'fine-tune', epochs: 8, schedule: 'cosine', augmentation: 'light' },
  },
  {
    // Epochs are long.
    below: Number.POSITIVE_INFINITY,
    called: 'many training images',
    options: { imageSize: 160, recipe: 'fine-tune', epochs: 8, schedule: 'cosine', augmentation: 'strong' },
  },
];

/** Options for a number of training images: those that are not given and have an effect. */
export function recommend(images: number, given: TrainClassifierOptions): Recommendation {
  const { called, options } = BY_COUNT.find(({ below }) => images < below) as (typeof BY_COUNT)[number];
  const { weights = DEFAULT_WEIGHTS, epochs } = given;
  const embedded = weights === DEFAULT_WEIGHTS;
  const open = withoutGiven(
    {
      ...options,
      imageSize: embedded ? Math.min(options.imageSize, EMBEDDED_IMAGE_SIZE) : options.imageSize,
      // One epoch leaves no room for a second stage.
      recipe: epochs === 1 ? 'head' : options.recipe,
    },
    given,
  );
  const all = checkTraining(runOptions, { ...open, ...given });
  const unused = unusedNames(all);
  const chosen = Object.fromEntries(Object.entries(open).filter(([name]) => !unused.includes(name)));
  const reasons = reasonsFor(chosen, all.augmentation === 'none');
  return {
    options: chosen,
    reason: [called, ...(reasons.length > 0 ? [reasons.join(', ')] : [])].join(': '),
  };
}

function reasonsFor(
  { imageSize, recipe, augmentation }: Recommendation['options'],
  cached: boolean,
): string[] {
  return [
    ...(imageSize === 160 ? ['smaller'] : []),
    ...(augmentation === 'strong' ? ['strongly augmented'] : []),
    ...(recipe === 'head' ? [`the head alone${cached ? ', over features that are computed once' : ''}`] : []),
    ...(recipe === 'fine-tune' ? ['the head first, then all layers at lower rates'] : []),
  ];
}

/**
 * The options chosen for these images.
 *
 * @throws InputError `DATA_NOT_FOUND` or `DATA_INVALID`
 */
export async function recommendFor(
  given: TrainClassifierOptions & { init?: RunOptions['init'] },
): Promise<Recommendation> {
  const { data = '', seed = 0, limitTrain = Number.POSITIVE_INFINITY, valid, folds } = given;
  const { train } = await listImages(data, seed, folds === undefined ? valid : 'folds');
  return recommend(Math.min(train.files.length, limitTrain), given);
}

/** The options that the caller leaves open. Who freezes layers has a recipe of their own. */
function withoutGiven(
  recommended: RecommendedOptions,
  given: TrainClassifierOptions,
): Recommendation['options'] {
  const decided = new Set(Object.keys(given));
  if (given.freeze !== undefined) decided.add('recipe');
  return Object.fromEntries(Object.entries(recommended).filter(([name]) => !decided.has(name)));
}
