import type { Stage, TrainingOptions } from '../options/index.ts';
import { lowerMedian, ofShares, type Summary, summaryOf } from '../support/statistics.ts';
import { recipes, stagesOf } from './recipes.ts';

/** The training of one fold: validated on the fold, trained on all other images. */
export interface FoldOutcome {
  /** Number of the fold, from 1. */
  fold: number;
  /** Numbers of training and validation images. */
  train: number;
  valid: number;
  best: { epoch: number; validAccuracy: number; validLoss: number };
  /** Duration of the training, with the pass of the images through frozen layers. */
  seconds: number;
}

/** The outcome of a fold's training, from its images and its result. */
export function outcomeOf(
  fold: number,
  { train, valid }: { train: { count: number }; valid: { count: number } },
  { best, seconds }: { best: FoldOutcome['best']; seconds: { total: number } },
): FoldOutcome {
  const { epoch, validAccuracy, validLoss } = best;
  return {
    fold,
    train: train.count,
    valid: valid.count,
    best: { epoch, validAccuracy, validLoss },
    seconds: seconds.total,
  };
}

/** What the trainings of all folds say together. */
export interface FoldsSummary {
  /** Validation accuracy of the folds' best epochs, fractions. */
  accuracy: Summary;
  /** Validation loss of the folds' best epochs. */
  loss: Summary;
  /**
   * Number of epochs for a training on all images: the median of the folds' best epochs, of an even number of folds the
   * lower of the two in the middle.
   */
  epochs: number;
  folds: FoldOutcome[];
}

export function foldsSummary(folds: readonly FoldOutcome[]): FoldsSummary {
  const of = (figure: 'epoch' | 'validAccuracy' | 'validLoss') => folds.map(({ best }) => best[figure]);
  return {
    accuracy: ofShares(summaryOf(of('validAccuracy'))),
    loss: summaryOf(of('validLoss')),
    epochs: lowerMedian(of('epoch')),
    folds: [...folds],
  };
}

/**
 * Options of the training on all images after the folds' trainings: without validation, and for so many epochs, which
 * schedules then span. A list of stages is cut off after them; a named recipe divides them, and has at least as many
 * as it needs. The schedule plateau, which cannot watch a validation loss, becomes constant. Warm-ups end with their
 * stages.
 */
export function finalOptions<Options extends TrainingOptions>(options: Options, epochs: number): Options {
  const { recipe } = options;
  const changed: Partial<TrainingOptions> = { ...unwatched(options), epochs };
  if (typeof recipe === 'string') changed.epochs = Math.max(epochs, recipes[recipe].leastEpochs);
  else if (recipe !== undefined) changed.recipe = cutOff(recipe, epochs);
  const { monitor: _, ...unmonitored } = options;
  return withinStages({ ...unmonitored, ...changed } as Options);
}

/** Shortens warm-ups that are longer than what is left of their stages. */
function withinStages<Options extends TrainingOptions>(options: Options): Options {
  const { recipe, warmupEpochs } = options;
  if (Array.isArray(recipe)) {
    const stages = (recipe as readonly Stage[]).map((stage) =>
      (stage.warmupEpochs ?? warmupEpochs) > stage.epochs ? { ...stage, warmupEpochs: stage.epochs } : stage,
    );
    return { ...options, recipe: stages };
  }
  const shortest = Math.min(...stagesOf(options).map(({ epochs }) => epochs));
  return warmupEpochs > shortest ? { ...options, warmupEpochs: shortest } : options;
}

/** The stages until so many epochs. */
function cutOff(stages: readonly Stage[], epochs: number): Stage[] {
  let left = epochs;
  return stages.flatMap((stage) => {
    const taken = Math.min(stage.epochs, left);
    left -= taken;
    return taken === 0 ? [] : [{ ...stage, ...unwatched(stage), epochs: taken }];
  });
}

/** What takes the place of settings that watch the validation loss. */
function unwatched({ schedule, earlyStoppingPatience }: Pick<Stage, 'schedule' | 'earlyStoppingPatience'>) {
  return {
    ...(schedule === 'plateau' ? { schedule: 'constant' as const } : {}),
    ...(earlyStoppingPatience === undefined ? {} : { earlyStoppingPatience: 'off' as const }),
  };
}
