import { InputError } from '../../lib/errors.ts';
import type { HeadName } from '../../lib/options/head.ts';
import { checkOptions, trainingOptions } from '../../lib/options/index.ts';
import { seededRandom } from '../../lib/support/random.ts';
import { requireUsed } from '../../lib/training/effects.ts';
import type { FitOptions } from '../../lib/training/fit.ts';

/** A training whose options are drawn: what one would not think of to combine. */
export interface DrawnTraining {
  model: { head: HeadName; weights: 'tiny-imagenet-distilled' | null; seed: number };
  /** Numbers of images. */
  images: { train: number; valid: number };
  options: Omit<FitOptions, 'valid'>;
}

const FREEZES = [
  'backbone',
  { through: 'features.denseblock3' },
  { through: 'features.transition1' },
  { through: 'features.norm5' },
  ['features.conv0', '*.norm1'],
  ['features.denseblock2', 'classifier'],
  [],
] as const;

const AUGMENTATIONS = [
  'none',
  'none',
  'light',
  'strong',
  { mixup: 0.4, horizontalFlip: 0.5 },
  { cutmix: 1, colorJitter: { hue: 0.1 } },
] as const;

/** Draws a training; the same seed gives the same one. */
export function drawnTraining(seed: number): DrawnTraining {
  const random = seededRandom(seed);
  const integer = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  const oneOf = <Value>(values: readonly Value[]): Value => values[integer(0, values.length - 1)] as Value;
  /** A value in about one of `times` trainings. */
  const rarely = <Value>(times: number, value: () => Value): Value | undefined =>
    integer(1, times) === 1 ? value() : undefined;
  const between = (least: number, most: number) => least + random() * (most - least);

  const epochs = integer(1, 3);
  const optimizer = () => ({
    optimizer: oneOf(['adam', 'adamw', 'sgd'] as const),
    learningRate: oneOf([1e-3, 1e-4]),
    momentum: oneOf([0, 0.9]),
    nesterov: rarely(2, () => true),
    weightDecay: rarely(2, () => between(1e-4, 1e-1)),
    decayNormsAndBiases: rarely(3, () => true),
    beta1: rarely(3, () => between(0.5, 0.95)),
    layerLearningRates: rarely(3, () => ({ classifier: 2e-3, 'features.denseblock4': 1e-5 })),
  });
  const schedule = () => ({
    schedule: oneOf(['constant', 'cosine', 'one-cycle', 'step', 'plateau'] as const),
    warmupEpochs: rarely(3, () => 0.5),
    stepEpochs: 1,
    plateauPatience: 1,
    earlyStoppingPatience: oneOf([1, 'off'] as const),
  });
  const stage = () => ({
    epochs: integer(1, 2),
    ...present({ freeze: oneOf(FREEZES), ...optimizer(), ...schedule() }),
  });
  const recipe = rarely(2, () =>
    oneOf(['head', 'fine-tune', 'gradual', [stage(), stage()], [stage(), stage(), stage()]] as const),
  );
  const options = {
    epochs: Array.isArray(recipe) ? undefined : recipe === undefined ? epochs : epochs + 2,
    recipe,
    freeze: typeof recipe === 'string' ? undefined : oneOf(FREEZES),
    batchSize: integer(2, 7),
    seed: integer(0, 1e6),
    precision: oneOf(['fp32', 'fp32', 'bf16'] as const),
    threads: integer(1, 2),
    kernels: oneOf(['auto', 'auto', 'libtorch'] as const),
    featureCache: false,
    ...optimizer(),
    ...schedule(),
    gradientAccumulationSteps: oneOf([1, 1, 2, 3]),
    clipNorm: rarely(3, () => between(0.1, 2)),
    labelSmoothing: rarely(3, () => 0.1),
    emaDecay: rarely(3, () => between(0.5, 0.99)),
    classWeights: rarely(3, () => oneOf(['balanced', { cat: 3, dog: 0.5 }] as const)),
    monitor: rarely(2, () => oneOf(['loss', 'accuracy', 'balanced-accuracy', 'macro-f1'] as const)),
    augmentation: oneOf(AUGMENTATIONS),
  };
  return {
    model: {
      head: oneOf(['linear', 'base', 'base-optimized', 'finetune'] as const),
      weights: oneOf(['tiny-imagenet-distilled', null] as const),
      seed: integer(0, 1e6),
    },
    images: { train: integer(10, 23), valid: integer(10, 15) },
    options: effective(present(options)),
  };
}

/** Without the options that have no effect beside the others, which `fit` refuses. */
function effective(options: DrawnTraining['options']): DrawnTraining['options'] {
  for (;;) {
    try {
      requireUsed(options, checkOptions(trainingOptions, options));
      return options;
    } catch (error) {
      const [, name, stage, setting] =
        (error as Error).message.match(/^(\w+)(?:\[(\d+)\]\.(\w+))? would have no effect/) ?? [];
      if (!(error instanceof InputError) || name === undefined) throw error;
      options = without(options, stage === undefined ? [name] : [name, stage, setting as string]);
    }
  }
}

/** A copy without what is at a path. */
function without<Value extends object>(value: Value, [name, ...rest]: readonly string[]): Value {
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, object>;
  if (rest.length === 0) delete copy[name as string];
  else copy[name as string] = without(copy[name as string] as object, rest);
  return copy as Value;
}

/** Without the options that were not drawn. */
function present<Options extends object>(
  options: Options,
): { [Name in keyof Options]?: Exclude<Options[Name], undefined> } {
  const drawn = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(drawn) as Options;
}
