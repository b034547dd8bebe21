import type { Dataset } from './data/dataset.ts';
import type { ImageInput } from './data/decoding/decode.ts';
import { chooseDevice } from './engine/device.ts';
import { loadEngine } from './engine/engine.ts';
import { settle } from './engine/job.ts';
import type { HostTensor, NativeModel } from './engine/native.ts';
import { computationOf } from './engine/precision.ts';
import { InputError } from './errors.ts';
import { readSafetensors, writeSafetensors } from './formats/safetensors.ts';
import type { StoredTensor } from './formats/stored-tensor.ts';
import { requireClasses, requireDataset, requireResize, requireTrainingData } from './model/data-checks.ts';
import { descriptionOf, type ModelDescription } from './model/description.ts';
import { type Evaluation, evaluate } from './model/evaluate.ts';
import { type ExportOptions, type ExportResult, exportContents, exportFormat } from './model/export.ts';
import {
  type ExtractionOptions,
  extract,
  extracted,
  extractionOptions,
  type FeatureMatrix,
} from './model/extraction.ts';
import { type ClassActivation, type GradCamOptions, gradCam, gradCamOptions } from './model/grad-cam.ts';
import { ModelState } from './model/lifecycle.ts';
import {
  IMAGENET_NORMALISATION,
  type ModelMetadata,
  modelMetadataText,
  readNormalisation,
} from './model/metadata.ts';
import { createNative } from './model/native-model.ts';
import { checkOnnx } from './model/onnx/check.ts';
import { type Prediction, type PredictOptions, predict, predictOptions } from './model/predict.ts';
import { modelMetadataOf } from './model/tensors.ts';
import { modelExportOptions } from './options/export.ts';
import type { HeadLayer } from './options/head.ts';
import { checkOptions, type TrainingOptions } from './options/index.ts';
import { type LayerSelection, leafNamesOf, selectLayers } from './options/layer-selection.ts';
import {
  type CreateOptions,
  createOptions,
  type LoadOptions,
  loadOptions,
  requirePath,
} from './options/model.ts';
import type { Resize } from './options/resize.ts';
import { checkFit, type FitOptions, FitRun } from './training/fit.ts';
import {
  checkSearch,
  findLearningRate,
  type LearningRateOptions,
  type LearningRateSearch,
} from './training/learning-rate.ts';
import { trainingPlan } from './training/plan.ts';
import { train } from './training/train.ts';
import { TrainedLayers } from './training/trained-layers.ts';
import { resolveWeights, type WeightsSource } from './weights/catalogue.ts';
import { matchWeights } from './weights/match.ts';
import { readWeights } from './weights/read-weights.ts';

/**
 * DenseNet-121 with a head for the given classes, on one device. `fit` and `findLearningRate` have the model
 * to themselves: while one runs every other method but `saveBest` and `dispose` is refused with `MODEL_BUSY`,
 * and so are these two while a method works that gives a promise. After `dispose` all are refused with
 * `DISPOSED`. What gives a promise rejects; the others throw.
 */
export class DenseNet121 {
  readonly classes: readonly string[];
  readonly imageSize: number;
  /** How `predict` makes images square. */
  readonly resize: Resize;
  readonly head: readonly HeadLayer[];
  /** `cpu` or `cuda:N`. */
  readonly device: string;
  /** Where the weights came from; null for random ones. */
  readonly weights: WeightsSource | null;
  readonly #native: NativeModel;
  readonly #metadata: ModelMetadata;
  readonly #state: ModelState;
  /** @internal */
  readonly layers: TrainedLayers;

  private constructor(
    native: NativeModel,
    metadata: ModelMetadata,
    device: string,
    weights: WeightsSource | null,
  ) {
    this.#native = native;
    this.#state = new ModelState(() => native.dispose());
    this.#metadata = metadata;
    this.layers = new TrainedLayers(leafNamesOf(native.tensors().map(({ name }) => name)));
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
   * has fetched it, a file of safetensors or of `torch.save`, or a run's directory.
   *
   * @throws InputError `INVALID_ARGUMENT`, `CUDA_UNAVAILABLE`, `WEIGHTS_NOT_FOUND`,
   *   `WEIGHTS_INVALID` or `WEIGHTS_MISMATCH`; the signal's reason
   */
  static async create(options: CreateOptions): Promise<DenseNet121> {
    const { weights: name, seed, device, signal, ...shape } = checkOptions(createOptions, options);
    const chosen = chooseDevice(device, loadEngine().info());
    const weights = name === null ? null : await resolveWeights(name, signal);
    const file = weights && (await readWeights(weights.path, signal));
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
   * The model of a file that `save` or a run wrote: backbone, head, classes and preprocessing. A run's directory means
   * its best model.
   *
   * @throws InputError `INVALID_ARGUMENT`, `WEIGHTS_NOT_FOUND`, `WEIGHTS_INVALID`, `WEIGHTS_MISMATCH` or
   *   `CUDA_UNAVAILABLE`; the signal's reason
   */
  static async load(path: string, options: LoadOptions = {}): Promise<DenseNet121> {
    requirePath(path);
    const { device, signal } = checkOptions(loadOptions, options);
    const chosen = chooseDevice(device, loadEngine().info());
    const weights = await resolveWeights(path, signal);
    const contents = await readSafetensors(weights.path, signal);
    const metadata = modelMetadataOf(contents, weights.path);
    const model = new DenseNet121(await createNative(metadata, 0, chosen), metadata, chosen, weights);
    await model.#load(contents.tensors, { backboneOnly: false, file: weights.path });
    return model;
  }

  /**
   * Writes the whole model, atomically, as a safetensors file under torchvision's names, floats as float32.
   *
   * @throws InputError `INVALID_ARGUMENT`; TorchTlError `WRITE_FAILED`, `MODEL_BUSY` or `DISPOSED`
   */
  save(path: string): Promise<void> {
    return this.#state.work('save', async () => {
      requirePath(path);
      await this.#write(path, await this.#state.settle(() => this.#native.state()));
    });
  }

  /**
   * The same with the weights of the best epoch so far of the last `fit`, also while it runs.
   *
   * @throws InputError `INVALID_ARGUMENT`, also before the first epoch has ended; TorchTlError
   *   `WRITE_FAILED` or `DISPOSED`
   */
  async saveBest(path: string): Promise<void> {
    this.#state.requireOpen('saveBest');
    requirePath(path);
    const tensors = this.#native.best();
    if (tensors.length === 0) {
      throw new InputError('INVALID_ARGUMENT', 'saveBest() was called before an epoch of fit() has ended.');
    }
    await this.#write(path, tensors);
  }

  /**
   * Writes the model for others: as `save` does (`safetensors`), as a state_dict that `torch.load` reads (`pth`), or as
   * `onnx` with preprocessing and softmax inside; by default as the path ends. An ONNX export is compared with the model
   * first, on the CPU in float32, by `onnxruntime-node`, which is the caller's to install; `check: false` leaves that
   * out.
   *
   * @throws InputError `INVALID_ARGUMENT`; TorchTlError `EXPORT_DIFFERS` or `EXPORT_UNCHECKED`, and then nothing is
   *   written; `WRITE_FAILED`, `OUT_OF_MEMORY`, `MODEL_BUSY` or `DISPOSED`
   */
  export(path: string, options: ExportOptions = {}): Promise<ExportResult> {
    return this.#state.work('export', async () => {
      requirePath(path);
      const { format, check } = checkOptions(modelExportOptions, options);
      const chosen = exportFormat(path, format);
      const tensors = await this.#state.settle(() => this.#native.state());
      const contents = { tensors, metadata: modelMetadataText(this.#metadata) };
      const compare = check ? (exported: Uint8Array) => this.#compare(tensors, exported) : null;
      return exportContents(path, contents, chosen, 'the model', compare);
    });
  }

  /**
   * Freezes layers, running statistics included: by torchvision's names (`denseblock4`, `norm5`,
   * `classifier`) or as `LayerSelection` says otherwise; the whole backbone where none is given.
   *
   * @throws InputError `INVALID_ARGUMENT` for a selection that has no layer; TorchTlError `MODEL_BUSY` or
   *   `DISPOSED`
   */
  freeze(...selections: LayerSelection[]): void {
    this.#setTrainable('freeze', selections, false);
  }

  /**
   * Lets layers train again, selected as for `freeze`, or the whole backbone.
   *
   * @throws as `freeze`
   */
  unfreeze(...selections: LayerSelection[]): void {
    this.#setTrainable('unfreeze', selections, true);
  }

  /**
   * The model's layers and how many parameters train. Running statistics are no parameters.
   *
   * @throws TorchTlError `MODEL_BUSY` or `DISPOSED`
   */
  async describe(): Promise<ModelDescription> {
    const describing = () => this.#state.settle(() => this.#native.describe());
    return descriptionOf(this.imageSize, await this.#state.work('describe', describing));
  }

  /**
   * The backbone's last map of every image, after norm5 and ReLU, in the data's order: float32
   * `[count, 1024, height, width]`.
   *
   * @throws InputError `INVALID_ARGUMENT`; the signal's reason; what `onProgress` threw; TorchTlError
   *   `OUT_OF_MEMORY`, `MODEL_BUSY` or `DISPOSED`
   */
  features(data: Dataset, options: ExtractionOptions = {}): Promise<FeatureMatrix> {
    return this.#state.work('features', () => this.#extract('features', data, options));
  }

  /**
   * What the head makes of them, before the softmax: float32 `[count, classes]`.
   *
   * @throws as `features`
   */
  logits(data: Dataset, options: ExtractionOptions = {}): Promise<FeatureMatrix> {
    return this.#state.work('logits', () => this.#extract('logits', data, options));
  }

  /**
   * What the model makes of images, in their order: files, encoded bytes or pixels, which are made
   * square and resized as the training images were. Those that cannot be decoded are left out with `skipCorrupt`.
   *
   * @throws InputError `INVALID_ARGUMENT`; `DATA_INVALID` for images that cannot be decoded, which are
   *   named; the signal's reason; TorchTlError `OUT_OF_MEMORY`, `MODEL_BUSY` or `DISPOSED`
   */
  predict(inputs: ImageInput | readonly ImageInput[], options: PredictOptions = {}): Promise<Prediction[]> {
    return this.#state.work('predict', async () => {
      const { topK, skipCorrupt, onSkipped, ...rest } = checkOptions(predictOptions, options);
      return this.#state.stoppable(rest.signal, (signal) =>
        predict(inputs, this, { topK, skipCorrupt, onSkipped, signal }, (data) =>
          this.#extract('logits', data, rest),
        ),
      );
    });
  }

  /**
   * Which places of each image speak for a class, the likeliest or a given one: Grad-CAM (Selvaraju et al. 2017,
   * https://arxiv.org/abs/1610.02391) over the backbone's last map after norm5 and ReLU. Takes images as `predict`
   * does. The model stays as it is.
   *
   * @throws as `predict`
   */
  gradCam(
    inputs: ImageInput | readonly ImageInput[],
    options: GradCamOptions = {},
  ): Promise<ClassActivation[]> {
    return this.#state.work('gradCam', async () => {
      const { batchSize, ...checked } = checkOptions(gradCamOptions, options);
      const computation = computationOf(checked, this.device);
      return this.#state.stoppable(checked.signal, (signal) =>
        gradCam(inputs, this, { ...checked, signal }, async (data) => {
          const images = await data.onDevice(this.device, signal);
          const start = () => this.#native.gradCam(images, { batchSize, ...computation });
          const { maps, logits } = await settle(start, signal);
          return { maps: extracted(maps), logits: extracted(logits) };
        }),
      );
    });
  }

  /**
   * How well the model does on labelled images. Their classes are matched with the model's by name,
   * and may be fewer.
   *
   * @throws InputError `INVALID_ARGUMENT`, also for classes that the model does not know; the signal's
   *   reason; what `onProgress` threw; TorchTlError `OUT_OF_MEMORY`, `MODEL_BUSY` or `DISPOSED`
   */
  evaluate(data: Dataset, options: ExtractionOptions = {}): Promise<Evaluation> {
    return this.#state.work('evaluate', async () => {
      requireResize('data', data, this);
      return evaluate(data, this.classes, () => this.#extract('logits', data, options));
    });
  }

  /**
   * Trains what is not frozen. The training starts at once; see `FitRun`. Afterwards the model holds
   * the weights of the best epoch; after an abort or a failure, those of the last batch.
   *
   * @throws InputError `INVALID_ARGUMENT`; TorchTlError `MODEL_BUSY` or `DISPOSED`
   */
  fit(data: Dataset, options: FitOptions): FitRun {
    this.#state.requireUnused('fit');
    const checked = checkFit(options);
    const training = this.#training(data, checked);
    requireClasses('valid', checked.valid, this);
    return new FitRun((onEpoch) =>
      this.#state.alone(checked.signal, (stopped) => train(training, stopped, onEpoch)),
    );
  }

  /**
   * Tries learning rates for a training with these options: a step a batch, at rates that rise from `start`
   * to `end`. What `freeze` leaves trains meanwhile; the model is afterwards exactly as it was, also when
   * the search is stopped. Layers with a rate of their own keep its ratio to `learningRate`, which is what
   * is searched for.
   *
   * @throws InputError `INVALID_ARGUMENT`; the signal's reason; what a callback threw; TorchTlError
   *   `OUT_OF_MEMORY`, `WRITE_FAILED`, `MODEL_BUSY` or `DISPOSED`
   */
  async findLearningRate(data: Dataset, options: LearningRateOptions = {}): Promise<LearningRateSearch> {
    this.#state.requireUnused('findLearningRate');
    const search = this.#training(data, checkSearch(options));
    return this.#state.alone(search.options.signal, (stopped) => findLearningRate(search, stopped));
  }

  /**
   * Stops what is going on, which then rejects with `DISPOSED`, and frees the model's memory when that has
   * ended. A second call does nothing.
   */
  dispose(): void {
    this.#state.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #extract(
    what: 'features' | 'logits',
    data: Dataset,
    options: ExtractionOptions,
  ): Promise<FeatureMatrix> {
    requireDataset('data', data);
    const checked = checkOptions(extractionOptions, options);
    const computation = computationOf(checked, this.device);
    const extraction = { model: this.#native, device: this.device, computation, data, options: checked };
    return this.#state.stoppable(checked.signal, (stopped) => extract(what, extraction, stopped));
  }

  /** What a training with these options works with. */
  #training<Options extends TrainingOptions>(data: Dataset, options: Options) {
    requireTrainingData(data, this);
    const trained = { leafNames: this.layers.names, classes: this.classes, labels: data.labels };
    const plan = trainingPlan(options, trained);
    const { imageSize, mean, std } = this.#metadata;
    return {
      model: this.#native,
      device: this.device,
      preprocessing: { imageSize, mean, std },
      computation: computationOf(options, this.device),
      data,
      options,
      plan,
      layers: this.layers.requireAny(plan.stages[0]?.trainable ?? null),
    };
  }

  async #load(tensors: StoredTensor[], how: { backboneOnly: boolean; file: string }): Promise<void> {
    try {
      await this.#native.load(matchWeights(this.#native.tensors(), tensors, how)).result;
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** How far the ONNX export of these tensors is from the model, on the CPU as onnxruntime is. */
  async #compare(tensors: HostTensor[], exported: Uint8Array): Promise<number> {
    const native = await createNative(this.#metadata, 0, 'cpu');
    const copy = new DenseNet121(native, this.#metadata, 'cpu', this.weights);
    try {
      await native.load(tensors).result;
      return await checkOnnx(exported, copy);
    } finally {
      copy.dispose();
    }
  }

  #write(path: string, tensors: HostTensor[]): Promise<void> {
    return writeSafetensors(path, tensors, modelMetadataText(this.#metadata));
  }

  #setTrainable(method: string, selections: LayerSelection[], trainable: boolean): void {
    this.#state.requireIdle(method);
    const layers = selectLayers(selections.length > 0 ? selections : 'backbone', this.layers.names);
    // The engine works in order: whatever is called next finds the layers so.
    this.#native.setTrainable(layers, trainable);
    this.layers.set(layers, trainable);
  }
}
