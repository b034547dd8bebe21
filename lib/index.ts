export type { ResumePoint } from './checkpoint.ts';
export type { ClassCount, DataWarning } from './data/class-counts.ts';
export type { Picture, RawPicture } from './data/decode.ts';
export { type DownloadCifar10Options, downloadCifar10 } from './data/download-cifar10.ts';
export type { LeftOut } from './data/left-out.ts';
export type { DecodeReport } from './data/picture-files.ts';
export { Dataset, type FolderOptions, type ImagesOptions, type ListOptions } from './dataset.ts';
export { DenseNet121 } from './densenet121.ts';
export { type ErrorCode, InputError, TorchTlError } from './errors.ts';
export type { ClassMetrics, Evaluation } from './evaluate.ts';
export {
  type OwnPicturesControl,
  type OwnPicturesOptions,
  type Recommendation,
  trainOwnPictures,
} from './experiments/own-pictures.ts';
export {
  type Experiment,
  type ExperimentName,
  experiments,
  type PaperFigures,
} from './experiments/paper.ts';
export type { RunResults, RunSetup, StoppedBecause } from './experiments/results.ts';
export { type RunAllControl, runAll } from './experiments/run-all.ts';
export { type ExperimentOptions, type RunControl, runExperiment } from './experiments/run-experiment.ts';
export type { RunEvent } from './experiments/train-into.ts';
export type { Exported, ExportFormat, ExportOptions } from './export.ts';
export type { Extracted, ExtractionOptions } from './extraction.ts';
export type {
  BatchProgress,
  CacheReport,
  FeaturesProgress,
  FitOptions,
  FitResult,
  FitRun,
  Resumption,
  StageStart,
} from './fit.ts';
export type { ClassActivation, GradCamOptions } from './grad-cam.ts';
export type { HeadLayer, HeadName } from './head.ts';
export type { LayerSelection } from './layer-selection.ts';
export type { LearningRateOptions, LearningRateSearch, LearningRateStep } from './learning-rate.ts';
export type { ModelDescription } from './model-description.ts';
export type { CreateOptions, LoadOptions } from './model-options.ts';
export type {
  AugmentationOptions,
  EpochMetrics,
  LayerDescription,
  LearningRatePoint,
  Precision,
} from './native.ts';
export type { Resize } from './options/resize.ts';
export type { RecipeName, Stage, TrainingOptions } from './options.ts';
export type { Prediction, PredictOptions, RankedClass } from './predict.ts';
export { readRecipe } from './recipe-file.ts';
export { type Recipe, recipes, spreadLearningRates } from './recipes.ts';
export { writeReport } from './report/report.ts';
export type { WeightsSource } from './weights/catalogue.ts';
export { type DownloadWeightsOptions, downloadWeights } from './weights/download-weights.ts';
