/*
 * Every option is declared once, in lib/options/: its check, default, description and flag. The
 * types, the command line's flags and its help, and docs/options.md follow.
 */

export { augmentationOf } from './options/augmentation.ts';
export { abortSignal, callback, checkOptions } from './options/check.ts';
export {
  DEFAULT_WEIGHTS,
  experimentOptions,
  featuresOptions,
  flagOf,
  type RunOptions,
  runOptions,
  trainOptions,
} from './options/experiment.ts';
export { evaluateRunOptions, predictRunOptions } from './options/inference.ts';
export { searchOptions, searchRunOptions } from './options/learning-rate.ts';
export {
  checkNumber,
  imageSize,
  integer,
  limit,
  numberRange,
  seed,
  threads,
  wideSeed,
} from './options/range.ts';
export {
  type CommandLine,
  commandLine,
  flag,
  pictureCache,
  resizing,
  TOPICS,
  text,
} from './options/schema.ts';
export { RECIPE_NAMES, type RecipeName, type Stage, stageOptions } from './options/stage.ts';
export { type TrainingOptions, trainingOptions } from './options/training.ts';
