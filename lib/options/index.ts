/*
 * Every option is declared once, in lib/options/: its check, default, description and flag. The types, the flags and
 * help of the command line, and docs/options.md are derived from the declarations.
 */

export { augmentationOf } from './augmentation.ts';
export { abortSignal, callback, checkOptions } from './check.ts';
export { distributedFields, launchOptions } from './distributed.ts';
export {
  DEFAULT_WEIGHTS,
  experimentOptions,
  featuresOptions,
  flagOf,
  folds,
  type RunOptions,
  runOptions,
  seedsOptions,
  trainOptions,
} from './experiment.ts';
export { evaluateRunOptions, predictRunOptions } from './inference.ts';
export { searchOptions, searchRunOptions } from './learning-rate.ts';
export { listenFields, WATCH_PORT, watchOptions } from './listen.ts';
export {
  checkNumber,
  imageSize,
  integer,
  limit,
  numberRange,
  seed,
  threads,
  wideSeed,
} from './range.ts';
export {
  type CommandLine,
  cachePlace,
  commandLine,
  flag,
  path,
  resizing,
  TOPICS,
  text,
} from './schema.ts';
export { serveRunOptions, serviceListenOptions, serviceOptions } from './serve.ts';
export { RECIPE_NAMES, type RecipeName, type Stage, stageOptions } from './stage.ts';
export { MONITORS, type Monitor, type TrainingOptions, trainingOptions } from './training.ts';
