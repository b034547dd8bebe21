import {
  type CacheReport,
  type Calibration,
  type ClassActivation,
  Dataset,
  DenseNet121,
  type EpochMetrics,
  type Evaluation,
  type ExportResult,
  type FeatureMatrix,
  type FitResult,
  type FitRun,
  InputError,
  type Prediction,
  type ResumeEvent,
  type RunEvent,
  type RunResults,
  readRecipe,
  recipes,
  runExperiment,
  type Stage,
  type StageStart,
  spreadLearningRates,
  TorchTlError,
  trainClassifier,
} from '../../lib/index.ts';

/*
 * Checked by `tsc --noEmit`, never run: the calls of README.md's programs, with the types that come back.
 */

/** Compiles where both are the same type. */
function same<Expected>() {
  return <Actual>(
    _value: Actual,
    ..._proof: [Actual, Expected] extends [Expected, Actual] ? [] : ['another type', Actual]
  ): void => {};
}

export async function dataSets(): Promise<void> {
  const train = await Dataset.fromFolder('flowers/train', { imageSize: 224, resize: 'contain', limit: 10 });
  const valid = await Dataset.fromFolder('flowers/valid', { like: train });
  const listed = await Dataset.fromList('flowers.csv', { like: train, split: 'valid', imageCache: false });
  same<number>()(listed.count);
  const pixels = { data: new Uint8Array(12), width: 2, height: 2, channels: 3 } as const;
  const images = await Dataset.fromImages(['a.png', Buffer.from(''), pixels], ['cat', 'dog', 0], {
    imageSize: 32,
    classes: ['cat', 'dog'],
    onProgress: (done, total) => same<number>()(done - total),
  });
  same<[first: Dataset, rest: Dataset]>()(images.split(0.8, { seed: 1 }));
  same<BigInt64Array>()(valid.labels);
  same<readonly string[]>()(valid.classes);
  // @ts-expect-error: read from files, or made from images
  new Dataset();
  // @ts-expect-error: a seed is an option
  images.split(0.8, 1);
  // @ts-expect-error: the size is missing
  await Dataset.fromImages(['a.png'], ['cat'], {});
  // @ts-expect-error: no such way to make images square
  await Dataset.fromFolder('flowers', { imageSize: 224, resize: 'crop' });
  using disposable = images;
  disposable.dispose();
}

export async function model(train: Dataset, valid: Dataset): Promise<void> {
  using created = await DenseNet121.create({ weights: null, classes: train.classes, head: 'linear' });
  const loaded = await DenseNet121.load('flowers.safetensors', { device: 'cpu' });
  same<FeatureMatrix>()(await created.features(train, { batchSize: 8 }));
  same<Calibration>()(await loaded.calibrate(valid, { precision: 'fp32' }));
  same<Evaluation>()(await loaded.evaluate(valid, { onProgress: (done) => same<number>()(done) }));
  const [answer] = await loaded.predict(['rose.jpg'], { topK: 3 });
  same<Prediction | undefined>()(answer);
  same<string | undefined>()(answer?.path);
  const [activation] = await loaded.gradCam('rose.jpg', { classes: ['rose'], batchSize: 1 });
  same<ClassActivation | undefined>()(activation);
  same<Float32Array | undefined>()(activation?.map);
  same<Promise<void>>()(loaded.save('copy.safetensors'));
  const exported = await loaded.export('flowers.onnx', { format: 'onnx', check: false });
  same<ExportResult>()(exported);
  same<number | undefined>()(exported.check?.largestDifference);
  // @ts-expect-error: no such format
  await loaded.export('flowers.h5', { format: 'h5' });
  same<string>()(loaded.device);
  // @ts-expect-error: predicting has no progress
  await loaded.predict('rose.jpg', { onProgress: () => {} });
  // @ts-expect-error: a model is created, not constructed
  new DenseNet121();
  // @ts-expect-error: classes stay as they are
  loaded.classes.push('tulip');
}

export async function training(trained: DenseNet121, train: Dataset, valid: Dataset): Promise<void> {
  const stages: Stage[] = [
    { name: 'head', epochs: 1, freeze: 'backbone', optimizer: 'sgd', momentum: 0.9 },
    { epochs: 2, freeze: [], layerLearningRates: spreadLearningRates(1e-5, 1e-3), schedule: 'cosine' },
  ];
  const run = trained.fit(train, {
    valid,
    recipe: stages,
    checkpoint: 'flowers.checkpoint',
    resume: true,
    signal: new AbortController().signal,
    onResume: async (resumption) => same<ResumeEvent>()(resumption),
    onStage: (stage) => same<StageStart>()(stage),
    onCache: (report) => same<CacheReport>()(report),
    onFeatures: ({ done, total }) => same<number>()(done / total),
    onBatch: ({ epoch, loss }) => same<number>()(epoch * loss),
    onBest: (epoch) => same<EpochMetrics>()(epoch),
  });
  same<FitRun>()(run);
  for await (const epoch of run) same<EpochMetrics<number>>()(epoch);
  const result = await run.result;
  same<FitResult>()(result);
  same<'epochs' | 'early-stopping'>()(result.stoppedBecause);
  same<Stage[]>()(recipes['fine-tune'].stages({ epochs: 4, learningRate: 1e-3 }));
  trained.fit(train, { valid, recipe: await readRecipe('recipe.json') });
  const unvalidated = await trained.fit(train, { valid: null }).result;
  same<number | null>()(unvalidated.best.validLoss);
  // @ts-expect-error: options are needed, the validation set being one
  trained.fit(train);
  // @ts-expect-error: a run is no promise
  run.then();
  // @ts-expect-error: nobody else sets the outcome
  run.result = Promise.resolve(result);
}

export async function runs(): Promise<RunResults> {
  await runExperiment('finetune', { limitTrain: 100, epochs: 1 }, { resume: true });
  const onEvent = (event: RunEvent) => {
    if (event.type === 'epoch') same<number | null>()(event.validAccuracy);
  };
  return trainClassifier({ data: 'flowers' }, { onEvent });
}

export function failure(error: unknown): string {
  if (error instanceof InputError) return error.message;
  if (error instanceof TorchTlError && error.code === 'MODEL_BUSY') return 'later';
  // @ts-expect-error: no such code
  return error instanceof TorchTlError && error.code === 'BUSY' ? 'later' : '';
}
