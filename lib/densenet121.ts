import { z } from 'zod';
import type { Picture } from './data/decode.ts';
import { RESIZES, type Resize } from './data/resize.ts';
import type { Dataset } from './dataset.ts';
import { chooseDevice } from './device.ts';
import { InputError, TorchTlError } from './errors.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import { type Extracted, type ExtractionOptions, extract, extractionOptions } from './extraction.ts';
import { type FitOptions, FitRun, fitOptions } from './fit.ts';
import { type HeadLayer, type HeadName, headLayers, nativeHead } from './head.ts';
import { settle } from './job.ts';
import { type LayerSelection, leafNamesOf, selectLayers } from './layer-selection.ts';
import {
  checkSearch,
  findLearningRate,
  type LearningRateOptions,
  type LearningRateSearch,
} from './learning-rate.ts';
import { requireClasses, requireResize, requireTrainingData } from './model-data.ts';
import {
  IMAGENET_NORMALISATION,
  type ModelMetadata,
  modelMetadataText,
  readModelMetadata,
  readNormalisation,
} from './model-file.ts';
import {
  type HostTensor,
  type LayerDescription,
  loadEngine,
  type NativeModel,
  type Precision,
} from './native.ts';
import { checkOptions, experimentOptions, type TrainingOptions } from './options.ts';
import { choosePrecision } from './precision.ts';
import { type Prediction, type PredictOptions, predict, predictOptions } from './predict.ts';
import { train } from './train.ts';
import { trainingPlan } from './training-plan.ts';
import { DEFAULT_WEIGHTS, resolveWeights, type WeightsSource } from './weights/catalogue.ts';
import { matchWeights } from './weights/match.ts';
import { readSafetensors, writeSafetensors } from './weights/safetensors.ts';

const classNames = 'a list of at least 2 names, each of them once';
const createOptions = experimentOptions.pick({ imageSize: true, seed: true, device: true }).extend({
  weights: z.string({ error: "a name, a file's path or null" }).nullable().default(DEFAULT_WEIGHTS),
  head: z.custom<HeadName | readonly HeadLayer[]>().transform(headLayers),
  classes: z
    .array(z.string({ error: 'a name' }), { error: classNames })
    .min(2, { error: classNames })
    .refine((classes) => new Set(classes).size === classes.length, { error: classNames })
    .readonly(),
  /** How pictures are made square: `resize` of the training data. */
  resize: z.enum(RESIZES, { error: RESIZES.join(' or ') }).default('cover'),
});
export type CreateOptions = z.input<typeof createOptions>;

export interface ModelDescription {
  imageSize: number;
  trainableParameters: number;
  frozenParameters: number;
  totalParameters: number;
  /** Leaf layers in the order of the forward pass. */
  layers: LayerDescription[];
}

/**
 * DenseNet-121 with a head for the given classes, on one device. While `fit` or `findLearningRate` runs
 * every method but `saveBest` and `dispose` is refused with `MODEL_BUSY`.
 */
export class DenseNet121 {
  readonly classes: readonly string[];
  readonly imageSize: number;
  /** How `predict` makes pictures square. */
  readonly resize: Resize;
  readonly head: readonly HeadLayer[];
  /** `cpu` or `cuda:N`. */
  readonly device: string;
  /** Where the weights came from; null for random ones. */
  readonly weights: WeightsSource | null;
  readonly #native: NativeModel;
  readonly #metadata: ModelMetadata;
  readonly #disposal = new AbortController();
  #working = false;

  private constructor(
    native: NativeModel,
    metadata: ModelMetadata,
    device: string,
    weights: WeightsSource | null,
  ) {
    this.#native = native;
    this.#metadata = metadata;
    this.classes = metadata.classes;
    this.imageSize = metadata.imageSize;
    this.resize = metadata.resize;
    this.head = metadata.head;
    this.device = device;
    this.weights = weights;
  }

  /**
   * A new model. Its head is drawn from `seed`; so is its backbone where `weights` is null, else the
   * backbone is that of the weights: `tiny-imagenet` (the default), `imagenet` once `downloadWeights`
   * has fetched it, or a safetensors file.
   *
   * @throws InputError `INVALID_ARGUMENT`, `CUDA_UNAVAILABLE`, `WEIGHTS_NOT_FOUND`,
   *   `WEIGHTS_INVALID` or `WEIGHTS_MISMATCH`
   */
  static async create(options: CreateOptions): Promise<DenseNet121> {
    const { weights: name, seed, device, ...shape } = checkOptions(createOptions, options);
    const chosen = chooseDevice(device, loadEngine().info());
    const weights = name === null ? null : await resolveWeights(name);
    const file = weights && (await readSafetensors(weights.path));
    const normalisation =
      weights && file ? readNormalisation(file.metadata, weights.path) : IMAGENET_NORMALISATION;
    const metadata: ModelMetadata = {
      ...shape,
      classes: [...shape.classes],
      ...normalisation,
    };
    const native = await createNative(metadata, seed, chosen);
    const model = new DenseNet121(native, metadata, chosen, weights);
    if (weights && file) await model.#load(file.tensors, { backboneOnly: true, file: weights.path });
    return model;
  }

  /**
   * The model of a file that `save` or a run wrote: backbone, head, classes and preprocessing.
   *
   * @throws InputError `WEIGHTS_NOT_FOUND`, `WEIGHTS_INVALID`, `WEIGHTS_MISMATCH` or `CUDA_UNAVAILABLE`
   */
  static async load(path: string, { device = 'auto' }: { device?: string } = {}): Promise<DenseNet121> {
    const chosen = chooseDevice(device, loadEngine().info());
    const weights = await resolveWeights(path);
    const { tensors, metadata: text } = await readSafetensors(weights.path);
    const metadata = readModelMetadata(text, weights.path);
    const model = new DenseNet121(await createNative(metadata, 0, chosen), metadata, chosen, weights);
    await model.#load(tensors, { backboneOnly: false, file: weights.path });
    return model;
  }

  /** Writes the whole model, atomically, as a safetensors file under torchvision's names. */
  async save(path: string): Promise<void> {
    this.#requireIdle('save');
    await this.#write(path, await settle(() => this.#native.state(), this.#stop()));
  }

  /** The same with the weights of the best epoch so far of the last `fit`, also while it runs. */
  async saveBest(path: string): Promise<void> {
    this.#requireOpen('saveBest');
    const tensors = this.#native.best();
    if (tensors.length === 0) {
      throw new InputError('INVALID_ARGUMENT', 'saveBest() was called before an epoch of fit() has ended.');
    }
    await this.#write(path, tensors);
  }

  /**
   * Freezes layers, running statistics included: by torchvision's names (`denseblock4`, `norm5`,
   * `classifier`) or as `LayerSelection` says otherwise; the whole backbone where none is given.
   *
   * @throws InputError `INVALID_ARGUMENT` for a selection that has no layer
   */
  freeze(...selections: LayerSelection[]): void {
    this.#setTrainable('freeze', selections, false);
  }

  /** Lets layers train again, selected as for `freeze`, or the whole backbone. */
  unfreeze(...selections: LayerSelection[]): void {
    this.#setTrainable('unfreeze', selections, true);
  }

  /** The model's layers and how many parameters train. Running statistics are no parameters. */
  async describe(): Promise<ModelDescription> {
    this.#requireIdle('describe');
    const layers = await settle(() => this.#native.describe(), this.#stop());
    const count = (counted: LayerDescription[]) => counted.reduce((sum, layer) => sum + layer.parameters, 0);
    const trainableParameters = count(layers.filter((layer) => layer.trainable));
    const totalParameters = count(layers);
    const frozenParameters = totalParameters - trainableParameters;
    return { imageSize: this.imageSize, trainableParameters, frozenParameters, totalParameters, layers };
  }

  /** The backbone's last map of every picture, after norm5 and ReLU, in the data's order. */
  features(data: Dataset, options: ExtractionOptions = {}): Promise<Extracted> {
    return this.#extract('features', data, options);
  }

  /** What the head makes of them, before the softmax: `[count, classes]`. */
  logits(data: Dataset, options: ExtractionOptions = {}): Promise<Extracted> {
    return this.#extract('logits', data, options);
  }

  /**
   * What the model makes of pictures, in their order: files, encoded bytes or pixels, which are made
   * square and resized as the training pictures were.
   *
   * @throws InputError `INVALID_ARGUMENT`; `DATA_INVALID` for pictures that cannot be decoded, which are
   *   all named; the signal's reason
   */
  async predict(inputs: Picture | readonly Picture[], options: PredictOptions = {}): Promise<Prediction[]> {
    this.#requireIdle('predict');
    const { topK, ...extraction } = checkOptions(predictOptions, options);
    return predict(inputs, this, { topK, signal: extraction.signal }, (data) =>
      this.#extract('logits', data, extraction),
    );
  }

  /**
   * How well the model does on labelled pictures. Their classes are matched with the model's by name,
   * and may be fewer.
   *
   * @throws InputError `INVALID_ARGUMENT`, also for classes that the model does not know; the signal's
   *   reason; TorchTlError `DISPOSED`
   */
  async evaluate(data: Dataset, options: ExtractionOptions = {}): Promise<Evaluation> {
    this.#requireIdle('evaluate');
    requireResize('data', data, this);
    return evaluate(data, this.classes, () => this.#extract('logits', data, options));
  }

  /**
   * Trains what is not frozen. The training starts at once; see `FitRun`. Afterwards the model holds
   * the weights of the best epoch; after an abort, those of the last batch.
   *
   * @throws InputError `INVALID_ARGUMENT`
   */
  fit(data: Dataset, options: FitOptions): FitRun {
    this.#requireIdle('fit');
    const checked = checkOptions(fitOptions, options);
    const training = this.#training(data, checked);
    requireClasses('valid', checked.valid, this);
    const stopped = this.#stop(checked.signal);
    return new FitRun((onEpoch) => this.#alone(() => train(training, stopped, onEpoch)));
  }

  /**
   * Tries learning rates for a training with these options: a step a batch, at rates that rise from `start`
   * to `end`. What `freeze` leaves trains meanwhile; the model is afterwards exactly as it was, also when
   * the search is stopped. Layers with a rate of their own keep its ratio to `learningRate`, which is what
   * is searched for.
   *
   * @throws InputError `INVALID_ARGUMENT`; the signal's reason; what a callback threw
   */
  async findLearningRate(data: Dataset, options: LearningRateOptions = {}): Promise<LearningRateSearch> {
    this.#requireIdle('findLearningRate');
    const search = this.#training(data, checkSearch(options));
    return this.#alone(() => findLearningRate(search, this.#stop(search.options.signal)));
  }

  /** Stops what is running and frees the model's memory. A second call does nothing. */
  dispose(): void {
    if (this.#disposal.signal.aborted) return;
    this.#disposal.abort(new TorchTlError('DISPOSED', 'The model was disposed while it was working.'));
    this.#native.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #extract(what: 'features' | 'logits', data: Dataset, options: ExtractionOptions): Promise<Extracted> {
    this.#requireIdle(what);
    const checked = checkOptions(extractionOptions, options);
    const precision = this.#prepare(checked);
    const extraction = { model: this.#native, device: this.device, precision, data, options: checked };
    return extract(what, extraction, this.#stop(checked.signal));
  }

  /** Does work during which all else is refused. */
  async #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#working = true;
    try {
      return await work();
    } finally {
      this.#working = false;
    }
  }

  /** What a training with these options works with. */
  #training<Options extends TrainingOptions>(data: Dataset, options: Options) {
    requireTrainingData(data, this);
    const trained = { leafNames: this.#leafNames(), classes: this.classes, labels: data.labels };
    const plan = trainingPlan(options, trained);
    const { imageSize, mean, std } = this.#metadata;
    return {
      model: this.#native,
      device: this.device,
      preprocessing: { imageSize, mean, std },
      precision: this.#prepare(options),
      data,
      options,
      plan,
    };
  }

  /** What stops work: any of the given signals, or `dispose`. */
  #stop(...signals: Array<AbortSignal | undefined>): AbortSignal {
    const given = signals.filter((signal) => signal !== undefined);
    return AbortSignal.any([this.#disposal.signal, ...given]);
  }

  /** Sets the threads asked for, and gives the precision to compute in. */
  #prepare({
    precision,
    threads,
  }: {
    precision: 'auto' | Precision;
    threads?: number | undefined;
  }): Precision {
    const engine = loadEngine();
    if (threads !== undefined) engine.setThreads(threads);
    return precision === 'auto' ? choosePrecision(engine.info(), this.device).precision : precision;
  }

  async #load(tensors: HostTensor[], how: { backboneOnly: boolean; file: string }): Promise<void> {
    try {
      await this.#native.load(matchWeights(this.#native.tensors(), tensors, how)).result;
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  #write(path: string, tensors: HostTensor[]): Promise<void> {
    return writeSafetensors(path, tensors, modelMetadataText(this.#metadata));
  }

  #setTrainable(method: string, selections: LayerSelection[], trainable: boolean): void {
    this.#requireIdle(method);
    const layers = selectLayers(selections.length > 0 ? selections : 'backbone', this.#leafNames());
    // The engine works in order: whatever is called next finds the layers so.
    this.#native.setTrainable(layers, trainable);
  }

  #leafNames(): string[] {
    return leafNamesOf(this.#native.tensors().map(({ name }) => name));
  }

  #requireOpen(method: string): void {
    if (!this.#disposal.signal.aborted) return;
    throw new TorchTlError('DISPOSED', `DenseNet121.${method}() was called after dispose().`);
  }

  #requireIdle(method: string): void {
    this.#requireOpen(method);
    if (!this.#working) return;
    throw new TorchTlError(
      'MODEL_BUSY',
      `DenseNet121.${method}() was called while the model is working; await what it does first.`,
    );
  }
}

function createNative(metadata: ModelMetadata, seed: number, device: string): Promise<NativeModel> {
  const { imageSize, mean, std, classes } = metadata;
  const head = nativeHead(metadata.head, classes.length);
  return loadEngine().createModel({ imageSize, head, seed, mean, std, device }).result;
}
