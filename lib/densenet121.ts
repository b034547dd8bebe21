import { z } from 'zod';
import type { Picture } from './data/decode.ts';
import { RESIZES, type Resize } from './data/resize.ts';
import { Dataset } from './dataset.ts';
import { chooseDevice } from './device.ts';
import { InputError, invalidArgument, TorchTlError } from './errors.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import { type FitOptions, FitRun, fitOptions } from './fit.ts';
import { type HeadLayer, type HeadName, headLayers, nativeHead } from './head.ts';
import { guarded, settle } from './job.ts';
import { type LayerSelection, leafNamesOf, selectLayers } from './layer-selection.ts';
import {
  IMAGENET_NORMALISATION,
  type ModelMetadata,
  modelMetadataText,
  readModelMetadata,
  readNormalisation,
} from './model-file.ts';
import {
  type ExtractionProgress,
  type HostTensor,
  type LayerDescription,
  loadEngine,
  type NativeModel,
  type Precision,
} from './native.ts';
import { abortSignal, callback, checkOptions, experimentOptions, featuresOptions } from './options.ts';
import { choosePrecision } from './precision.ts';
import { type Prediction, predict } from './predict.ts';
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
const extractionOptions = featuresOptions.pick({ batchSize: true, precision: true, threads: true }).extend({
  signal: abortSignal,
  onProgress: callback<(done: number, total: number) => void>(),
});
const predictOptions = extractionOptions.omit({ onProgress: true }).extend({
  /** How many of the likeliest classes to name. */
  topK: z.int({ error: 'an integer of at least 1' }).min(1, { error: 'an integer of at least 1' }).default(5),
});

export type CreateOptions = z.input<typeof createOptions>;
export type ExtractionOptions = z.input<typeof extractionOptions>;
export type PredictOptions = z.input<typeof predictOptions>;

export interface ModelDescription {
  imageSize: number;
  trainableParameters: number;
  frozenParameters: number;
  totalParameters: number;
  /** Leaf layers in the order of the forward pass. */
  layers: LayerDescription[];
}

/** What the network made of every picture: features `[count, 1024, height, width]` or logits `[count, classes]`. */
export interface Extracted {
  shape: number[];
  /** Row-major. */
  data: Float32Array;
}

/**
 * DenseNet-121 with a head for the given classes, on one device. While `fit` runs every other method
 * but `saveBest` and `dispose` is refused with `MODEL_BUSY`.
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
  #fitting = false;

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
    this.#requireResize('data', data);
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
    this.#requireClasses('train', data);
    this.#requireClasses('valid', checked.valid);
    if (data.count < 2) throw invalidArgument('train', 'a data set of at least 2 pictures', data.count);
    const trained = { leafNames: this.#leafNames(), classes: this.classes, labels: data.labels };
    const plan = trainingPlan(checked, trained);
    const precision = this.#prepare(checked);
    const { imageSize, mean, std } = this.#metadata;
    const training = {
      model: this.#native,
      device: this.device,
      preprocessing: { imageSize, mean, std },
      precision,
      data,
      options: checked,
      plan,
    };
    this.#fitting = true;
    return new FitRun(async (onEpoch) => {
      try {
        return await train(training, this.#stop(checked.signal), onEpoch);
      } finally {
        this.#fitting = false;
      }
    });
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
    const { signal, onProgress = () => {}, ...checked } = checkOptions(extractionOptions, options);
    const native = { batchSize: checked.batchSize, precision: this.#prepare(checked) };
    const pictures = await data.onDevice(this.device);
    const failure = new AbortController();
    const report = guarded<ExtractionProgress>(({ done, total }) => onProgress(done, total), failure);
    const { shape, data: bytes } = await settle(
      () => this.#native[what](pictures, native, report),
      this.#stop(signal, failure.signal),
    );
    return { shape, data: new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4) };
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

  /** Predicting makes pictures square as the model says, so all others must have been made so. */
  #requireResize(name: string, data: Dataset): void {
    if (!(data instanceof Dataset)) throw invalidArgument(name, 'a Dataset', data);
    if (data.resize === null || data.resize === this.resize) return;
    throw new InputError(
      'INVALID_ARGUMENT',
      `The pictures of ${name} were made square with resize '${data.resize}', the model's with '${this.resize}'; ` +
        'read the one or create the other with the same.',
    );
  }

  #requireClasses(name: string, data: Dataset): void {
    this.#requireResize(name, data);
    const same =
      data.classes.length === this.classes.length &&
      data.classes.every((label, index) => label === this.classes[index]);
    if (same) return;
    throw new InputError(
      'INVALID_ARGUMENT',
      `The classes of ${name} (${data.classes.join(', ')}) are not the model's (${this.classes.join(', ')}); ` +
        'create the model with classes: train.classes.',
    );
  }

  #requireOpen(method: string): void {
    if (!this.#disposal.signal.aborted) return;
    throw new TorchTlError('DISPOSED', `DenseNet121.${method}() was called after dispose().`);
  }

  #requireIdle(method: string): void {
    this.#requireOpen(method);
    if (!this.#fitting) return;
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
