import type { z } from 'zod';
import type { Dataset } from './data/dataset.ts';
import type { ImageInput } from './data/decoding/decode.ts';
import { placeOf } from './distributed/place.ts';
import { chooseDevice } from './engine/device.ts';
import { loadEngine } from './engine/engine.ts';
import { settle } from './engine/job.ts';
import type { NativeModel } from './engine/native.ts';
import type { HostTensor } from './engine/native-computation.ts';
import { computationOf } from './engine/precision.ts';
import { InputError } from './errors.ts';
import { writeSafetensors } from './formats/safetensors.ts';
import type { StoredTensor } from './formats/stored-tensor.ts';
import { type Calibration, calibrationOf, dividedTensors } from './model/calibration.ts';
import {
  requireClasses,
  requireDataset,
  requireResize,
  requireTrainingData,
  warnOfSize,
} from './model/data-checks.ts';
import { descriptionOf, type ModelDescription } from './model/description.ts';
import { type Evaluation, evaluate, labelsAmong } from './model/evaluate.ts';
import { type ExportOptions, type ExportResult, exportContents, exportFormat } from './model/export.ts';
import {
  type ExtractionOptions,
  extract,
  extracted,
  extractionOptions,
  type FeatureMatrix,
  type ImagesOnDevice,
} from './model/extraction.ts';
import { FoldedTemperatures } from './model/folded-temperatures.ts';
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
import { readModel } from './model/tensors.ts';
import { modelExportOptions } from './options/export.ts';
import type { HeadLayer } from './options/head.ts';
import { checkOptions, type TrainingOptions } from './options/index.ts';
import { type LayerSelection, leafNamesOf, selectLayers } from './options/layer-selection.ts';
import {
  absolutePath,
  type CreateOptions,
  createOptions,
  type LoadOptions,
  loadOptions,
  requirePath,
} from './options/model.ts';
import type { Resize } from './options/resize.ts';
import { type AnyFitOptions, checkFit, type FitOptions, FitRun } from './training/fit.ts';
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
 * DenseNet-121 with a head for the given classes, on one device.
 *
 * `fit`, `findLearningRate` and `calibrate` need the model to themselves. While one of them runs, every other method
 * except `saveBest` and `dispose` fails with `MODEL_BUSY`. While any other asynchronous method runs, these three fail
 * with `MODEL_BUSY`. After `dispose` every method fails with `DISPOSED`. Methods that return a promise reject; the others,
 * and `fit`, throw.
 */
export class DenseNet121 {
  /** Class names in the order of their label indices. */
  readonly classes: readonly string[];
  /** Side length of the input images in pixels. */
  readonly imageSize: number;
  /** How `predict` and `gradCam` make images square. */
  readonly resize: Resize;
  /** Layers after the backbone, from input to output. */
  readonly head: readonly HeadLayer[];
  /** Device that holds the model: `cpu` or `cuda:N`. */
  readonly device: string;
  /** Origin of the weights; null for random weights. */
  readonly weights: WeightsSource | null;
  readonly #native: NativeModel;
  readonly #metadata: ModelMetadata;
  readonly #state: ModelState;
  readonly #temperatures: FoldedTemperatures;
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
    this.#temperatures = new FoldedTemperatures(metadata.temperature);
    this.layers = new TrainedLayers(leafNamesOf(native.tensors().map(({ name }) => name)));
    this.classes = metadata.classes;
    this.imageSize = metadata.imageSize;
    this.resize = metadata.resize;
    this.head = metadata.head;
    this.device = device;
    this.weights = weights;
  }

  /**
   * Creates a model. The head is initialised at random from `seed`. The backbone takes the given weights:
   * `tiny-imagenet-distilled` (the default), `imagenet` once `downloadWeights` has fetched it, a safetensors file, a file written
   * by `torch.save`, or a run directory. With `weights: null` the backbone is initialised from `seed` too.
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
   * Loads a model from a file that `save` or a run wrote: backbone, head, classes and preprocessing. A run directory
   * stands for its best model.
   *
   * @throws InputError `INVALID_ARGUMENT`, `WEIGHTS_NOT_FOUND`, `WEIGHTS_INVALID`, `WEIGHTS_MISMATCH` or
   *   `CUDA_UNAVAILABLE`; the signal's reason
   */
  static async load(path: string, options: LoadOptions = {}): Promise<DenseNet121> {
    requirePath(path);
    const { device, signal } = checkOptions(loadOptions, options);
    const chosen = chooseDevice(device, loadEngine().info());
    const weights = await resolveWeights(path, signal);
    const { tensors, metadata } = await readModel(weights.path, signal);
    const model = new DenseNet121(await createNative(metadata, 0, chosen), metadata, chosen, weights);
    await model.#load(tensors, { backboneOnly: false, file: weights.path });
    return model;
  }

  /**
   * Writes the whole model atomically to a safetensors file. Tensors have torchvision's names, floating-point tensors
   * are float32, and the metadata holds classes, head and preprocessing.
   *
   * @throws InputError `INVALID_ARGUMENT`; TorchTlError `WRITE_FAILED`, `MODEL_BUSY` or `DISPOSED`
   */
  save(path: string): Promise<void> {
    return this.#state.work('save', async () => {
      const file = absolutePath(path);
      await this.#write(
        file,
        await this.#state.settle(() => this.#native.state()),
        this.#temperatures.ofModel,
      );
    });
  }

  /**
   * Writes the model as `save` does, with the weights of the best epoch of the last `fit`, calibrated if the model was
   * since that `fit` ended by itself. It may be called while that `fit` runs and then writes the best epoch so far.
   *
   * @throws InputError `INVALID_ARGUMENT`, also before the first epoch has ended; TorchTlError
   *   `WRITE_FAILED` or `DISPOSED`
   */
  async saveBest(path: string): Promise<void> {
    this.#state.requireOpen('saveBest');
    const file = absolutePath(path);
    const tensors = this.#native.best();
    if (tensors.length === 0) {
      throw new InputError(
        'INVALID_ARGUMENT',
        'saveBest() was called before an epoch of fit() ended; call it after the first one.',
      );
    }
    const { divisors, ofBest } = this.#temperatures;
    const calibrated = divisors.reduce((all, divisor) => dividedTensors(all, this.head, divisor), tensors);
    await this.#write(file, calibrated, ofBest);
  }

  /**
   * Exports the model to a file: `safetensors` as `save` writes it, `pth` as a state_dict that `torch.load` reads, or
   * `onnx` with scaling, normalisation and softmax inside. The default format follows from the extension of the path.
   * Before an ONNX export is written, `onnxruntime-node`, which the caller installs, runs it on the CPU in float32 and
   * its probabilities are compared with the model's; `check: false` skips this.
   *
   * @throws InputError `INVALID_ARGUMENT`; TorchTlError `EXPORT_DIFFERS` or `EXPORT_UNCHECKED`, in which case nothing
   *   is written; `WRITE_FAILED`, `OUT_OF_MEMORY`, `MODEL_BUSY` or `DISPOSED`
   */
  export(path: string, options: ExportOptions = {}): Promise<ExportResult> {
    return this.#state.work('export', async () => {
      const file = absolutePath(path);
      const { format, check } = checkOptions(modelExportOptions, options);
      const chosen = exportFormat(path, format);
      const tensors = await this.#state.settle(() => this.#native.state());
      const contents = { tensors, metadata: this.#metadataText(this.#temperatures.ofModel) };
      const compare = check ? (exported: Uint8Array) => this.#compare(tensors, exported) : null;
      return exportContents(file, contents, chosen, 'the model', compare);
    });
  }

  /**
   * Freezes layers: training changes neither their parameters nor their running statistics. Layers are selected by
   * torchvision's names (`denseblock4`, `norm5`, `classifier`) or by any other `LayerSelection`. Without an argument
   * the whole backbone is frozen.
   *
   * @throws InputError `INVALID_ARGUMENT` for a selection that matches no layer; TorchTlError `MODEL_BUSY` or
   *   `DISPOSED`
   */
  freeze(...selections: LayerSelection[]): void {
    this.#setTrainable('freeze', selections, false);
  }

  /**
   * Unfreezes layers, which are selected as for `freeze`. Without an argument the whole backbone is unfrozen.
   *
   * @throws as `freeze`
   */
  unfreeze(...selections: LayerSelection[]): void {
    this.#setTrainable('unfreeze', selections, true);
  }

  /**
   * Lists the model's leaf layers and counts its trainable and frozen parameters. Running statistics do not count as
   * parameters.
   *
   * @throws TorchTlError `MODEL_BUSY` or `DISPOSED`
   */
  async describe(): Promise<ModelDescription> {
    const describing = () => this.#state.settle(() => this.#native.describe());
    return descriptionOf(this.imageSize, await this.#state.work('describe', describing));
  }

  /**
   * Computes the backbone's last feature map, after norm5 and ReLU, for each image: float32
   * `[count, 1024, height, width]`, in the order of the data.
   *
   * @throws InputError `INVALID_ARGUMENT`; the signal's reason; what `onProgress` threw; TorchTlError
   *   `OUT_OF_MEMORY`, `MODEL_BUSY` or `DISPOSED`
   */
  features(data: Dataset, options: ExtractionOptions = {}): Promise<FeatureMatrix> {
    return this.#state.work('features', () => this.#extract('features', data, options));
  }

  /**
   * Computes the logits, the output of the head before the softmax, for each image: float32 `[count, classes]`, in the
   * order of the data.
   *
   * @throws as `features`
   */
  logits(data: Dataset, options: ExtractionOptions = {}): Promise<FeatureMatrix> {
    return this.#state.work('logits', () => this.#extract('logits', data, options));
  }

  /**
   * Predicts the class of each image, in the given order. An image is a file path, encoded bytes or raw pixels; it is
   * made square and resized as the training images were. With `skipCorrupt`, images that cannot be decoded are left out
   * of the result.
   *
   * @throws InputError `INVALID_ARGUMENT`; `DATA_INVALID`, naming the images that cannot be decoded; the signal's
   *   reason; TorchTlError `OUT_OF_MEMORY`, `MODEL_BUSY` or `DISPOSED`
   */
  predict(inputs: ImageInput | readonly ImageInput[], options: PredictOptions = {}): Promise<Prediction[]> {
    return this.#state.work('predict', async () => {
      const { topK, skipCorrupt, onSkipped, ...rest } = checkOptions(predictOptions, options);
      return this.#state.stoppable(rest.signal, (signal) =>
        predict(inputs, this, { topK, skipCorrupt, onSkipped, signal }, (images) =>
          // Every process predicts images of its own.
          this.#pass('logits', images, checkOptions(extractionOptions, { ...rest, distributed: 'off' })),
        ),
      );
    });
  }

  /**
   * Computes a class-activation map for each image: Grad-CAM (Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391)
   * over the backbone's last feature map, after norm5 and ReLU, for the likeliest class or a given one. Takes the same
   * images as `predict`. The model does not change.
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
        gradCam(inputs, this, { ...checked, signal }, async (images, classes) => {
          const data = await images.onDevice(this.device, signal);
          const start = () => this.#native.gradCam(data, { batchSize, ...computation }, classes);
          const { maps, logits } = await settle(start, signal);
          return { maps: extracted(maps), logits: extracted(logits) };
        }),
      );
    });
  }

  /**
   * Evaluates the model on labelled images. The classes of the data are matched with the model's by name; some of the
   * model's classes may be missing from the data.
   *
   * @throws InputError `INVALID_ARGUMENT`, also for classes that the model does not have; the signal's
   *   reason; what `onProgress` threw; TorchTlError `OUT_OF_MEMORY`, `MODEL_BUSY` or `DISPOSED`
   */
  evaluate(data: Dataset, options: ExtractionOptions = {}): Promise<Evaluation> {
    return this.#state.work('evaluate', async () => {
      requireResize('data', data, this);
      return evaluate(data, this.classes, () => this.#extract('logits', data, options));
    });
  }

  /**
   * Trains all layers that are not frozen. Training starts at once; `FitRun` gives its epochs and its result.
   * Afterwards the model holds the weights of the best epoch, with `valid: null` those of the last one, or after an abort or a failure those of the last step.
   *
   * @throws InputError `INVALID_ARGUMENT`; TorchTlError `MODEL_BUSY` or `DISPOSED`
   */
  fit(data: Dataset, options: FitOptions): FitRun;
  fit(data: Dataset, options: AnyFitOptions): FitRun<number | null>;
  fit(data: Dataset, options: AnyFitOptions): FitRun<number | null> {
    this.#state.requireUnused('fit');
    const checked = checkFit(options);
    const training = this.#training(data, checked);
    if (checked.valid) requireClasses('valid', checked.valid, this);
    const onStart = () => this.#temperatures.beginTraining();
    return new FitRun((onEpoch) =>
      this.#state.alone(checked.signal, async (stopped) => {
        const result = await train({ ...training, onStart }, stopped, onEpoch);
        this.#temperatures.endTraining();
        return result;
      }),
    );
  }

  /**
   * Makes the model's probabilities agree with how often it is right: temperature scaling (Guo et al. 2017,
   * https://arxiv.org/abs/1706.04599). The logits are divided by the number between 0.1 and 100 that gives the lowest
   * loss on labelled images, which the model must not have been trained on. Weights and biases of the last dense layer
   * are divided by it, frozen or not, so that every method, file and export has it. No ranking changes, nor the accuracy.
   * A later `fit` trains the divided weights further; calibrate again after it. A call that is aborted or fails changes
   * nothing.
   *
   * @param valid images that `fit` validated on, or others; their classes are matched with the model's by name
   * @throws InputError `INVALID_ARGUMENT`, also for classes that the model does not have; the signal's reason; what
   *   `onProgress` threw; TorchTlError `LOSS_NOT_FINITE` if the logits are not finite, `OUT_OF_MEMORY`, `MODEL_BUSY` or
   *   `DISPOSED`
   */
  async calibrate(valid: Dataset, options: ExtractionOptions = {}): Promise<Calibration> {
    this.#state.requireUnused('calibrate');
    requireResize('valid', valid, this);
    const { signal } = checkOptions(extractionOptions, options);
    return this.#state.alone(signal, async (stopped) => {
      const labels = labelsAmong(valid, this.classes);
      const calibration = calibrationOf(await this.#extract('logits', valid, options), labels, this.classes);
      stopped.throwIfAborted();
      await this.#divideLogits(calibration.temperature);
      return calibration;
    });
  }

  /**
   * Divides the logits as `calibrate` does, by a temperature that was fitted before.
   *
   * @internal
   * @throws TorchTlError `MODEL_BUSY` or `DISPOSED`
   */
  async divideLogits(temperature: number): Promise<void> {
    this.#state.requireUnused('divideLogits');
    return this.#state.alone(undefined, () => this.#divideLogits(temperature));
  }

  /**
   * Searches for a learning rate for a training with these options: a learning-rate range test (Smith 2015,
   * https://arxiv.org/abs/1506.01186) that takes one step per batch while the rate rises from `start` to `end`. The
   * search trains all layers that are not frozen and restores the model exactly afterwards, also when it is stopped.
   * The rate found is for `learningRate`; layers with a learning rate of their own keep its ratio to it.
   *
   * @throws InputError `INVALID_ARGUMENT`; the signal's reason; what a callback threw; TorchTlError `OUT_OF_MEMORY`,
   *   `WRITE_FAILED`, `MODEL_BUSY` or `DISPOSED`
   */
  async findLearningRate(data: Dataset, options: LearningRateOptions = {}): Promise<LearningRateSearch> {
    this.#state.requireUnused('findLearningRate');
    const search = this.#training(data, checkSearch(options));
    return this.#state.alone(search.options.signal, (stopped) => findLearningRate(search, stopped));
  }

  /**
   * Frees the model's memory. Methods that are still running stop and reject with `DISPOSED`; the memory is freed once
   * they have ended. A second call does nothing.
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
    warnOfSize('data', data, this, checked.onWarning);
    // The caller may dispose of the data set meanwhile.
    const images = data.share();
    try {
      return await this.#pass(what, images, checked);
    } finally {
      images.dispose();
    }
  }

  async #pass(
    what: 'features' | 'logits',
    images: ImagesOnDevice,
    checked: z.output<typeof extractionOptions>,
  ): Promise<FeatureMatrix> {
    const computation = computationOf(checked, this.device, placeOf(checked).threads);
    const extraction = { model: this.#native, device: this.device, computation, images, options: checked };
    return this.#state.stoppable(checked.signal, (stopped) => extract(what, extraction, stopped));
  }

  /** Checks data and options and prepares what a training needs. */
  #training<Options extends TrainingOptions>(data: Dataset, options: Options) {
    requireTrainingData(data, this);
    const trained = { leafNames: this.layers.names, classes: this.classes, labels: data.labels };
    const plan = trainingPlan(options, trained);
    const { imageSize, mean, std, resize, classes, head } = this.#metadata;
    const weights = this.weights?.sha256 ?? null;
    return {
      model: this.#native,
      device: this.device,
      description: { imageSize, mean, std, resize, classes, head, weights },
      computation: computationOf(options, this.device, placeOf(options).threads),
      data,
      options,
      plan,
      layers: this.layers.requireAny(plan.stages[0]?.trainable ?? null),
      weights: this.weights?.source ?? null,
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

  /** Largest difference between the probabilities of these tensors' ONNX export and of the model, both on the CPU. */
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

  #write(path: string, tensors: HostTensor[], temperature: number | undefined): Promise<void> {
    return writeSafetensors(path, tensors, this.#metadataText(temperature));
  }

  #metadataText(temperature: number | undefined): Record<string, string> {
    return modelMetadataText({ ...this.#metadata, temperature });
  }

  async #divideLogits(temperature: number): Promise<void> {
    const state = await this.#state.settle(() => this.#native.state());
    // The tensors that are the same objects have not changed.
    const changed = dividedTensors(state, this.head, temperature).filter((tensor) => !state.includes(tensor));
    await this.#state.settle(() => this.#native.load(changed));
    this.#temperatures.add(temperature);
  }

  #setTrainable(method: string, selections: LayerSelection[], trainable: boolean): void {
    this.#state.requireIdle(method);
    const layers = selectLayers(selections.length > 0 ? selections : 'backbone', this.layers.names);
    // The engine runs calls in order, so the next call already sees this change.
    this.#native.setTrainable(layers, trainable);
    this.layers.set(layers, trainable);
  }
}
