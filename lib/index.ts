export type { CheckedImage, CheckPhase, DataCheck, ExactTwins, NearTwinPair } from './data/check/check.ts';
export type { FileFacts } from './data/check/files.ts';
export type { FeatureSource } from './data/check/near-twins.ts';
export { type DownloadCifar10Options, downloadCifar10 } from './data/cifar10/download.ts';
export type { ClassCount } from './data/class-counts.ts';
export type { DataWarning } from './data/data-warning.ts';
export {
  type CheckOptions,
  Dataset,
  type FolderOptions,
  type ImagesOptions,
  type ListOptions,
} from './data/dataset.ts';
export type { ImageInput, RawImage } from './data/decoding/decode.ts';
export type { DecodeReport } from './data/image-files.ts';
export type { LeftOut } from './data/left-out.ts';
export { DenseNet121 } from './densenet121.ts';
export type { LayerDescription } from './engine/native.ts';
export type { Precision } from './engine/native-computation.ts';
export type { AugmentationOptions, EpochMetrics, LearningRatePoint } from './engine/native-training.ts';
export { type ErrorCode, InputError, TorchTlError } from './errors.ts';
export {
  type CrossValidateOptions,
  type CrossValidation,
  crossValidate,
} from './experiments/cross-validate.ts';
export type { ManifestRecord } from './experiments/manifest.ts';
export {
  type Experiment,
  type ExperimentName,
  experiments,
  type PaperFigures,
} from './experiments/paper.ts';
export type { Recommendation } from './experiments/recommend.ts';
export type { RunResults, RunSetup, StoppedBecause } from './experiments/results.ts';
export { type RunAllControl, runAll } from './experiments/run-all.ts';
export type { RunControl, RunEvent } from './experiments/run-events.ts';
export { type ExperimentOptions, runExperiment } from './experiments/run-experiment.ts';
export {
  type TrainCallbacks,
  type TrainClassifierOptions,
  trainClassifier,
} from './experiments/train-classifier.ts';
export type { Calibration, CalibrationMeasures } from './model/calibration.ts';
export type { ModelDescription } from './model/description.ts';
export type { ClassMetrics, Evaluation, ReliabilityBin } from './model/evaluate.ts';
export type { ExportFormat, ExportOptions, ExportResult } from './model/export.ts';
export type { ExtractionOptions, FeatureMatrix } from './model/extraction.ts';
export type { ClassActivation, GradCamOptions } from './model/grad-cam.ts';
export type { Prediction, PredictOptions, RankedClass } from './model/predict.ts';
export type { HeadLayer, HeadName } from './options/head.ts';
export type { RecipeName, Stage, TrainingOptions } from './options/index.ts';
export type { LayerSelection } from './options/layer-selection.ts';
export type { CreateOptions, LoadOptions } from './options/model.ts';
export { readRecipe } from './options/recipe-file.ts';
export type { Resize } from './options/resize.ts';
export { writeReport } from './report/report.ts';
export type { HeatMap, ImageAnswer, ModelAnswer, NamedAnswer } from './serve/answers.ts';
export {
  type PredictionService,
  type ServiceListenOptions,
  type ServiceOptions,
  servePredictions,
} from './serve/service.ts';
export type { Summary } from './support/statistics.ts';
export type { ResumePoint } from './training/checkpoint.ts';
export type {
  AnyFitOptions,
  BatchProgress,
  CacheReport,
  FeaturesProgress,
  FitOptions,
  FitResult,
  FitRun,
  ResumeEvent,
  StageStart,
} from './training/fit.ts';
export type { FoldOutcome, FoldsSummary } from './training/folds.ts';
export type { LearningRateOptions, LearningRateSearch, LearningRateStep } from './training/learning-rate.ts';
export { type Recipe, recipes, spreadLearningRates } from './training/recipes.ts';
export type { WeightsSource } from './weights/catalogue.ts';
export { type DownloadWeightsOptions, downloadWeights } from './weights/download-weights.ts';
