import { ImageProblem } from '../data/decoding/decoder-message.ts';
import { uprightSize } from '../data/decoding/header.ts';
import { type Size, seenPart } from '../data/decoding/resize.ts';
import type { DenseNet121 } from '../densenet121.ts';
import { type InputError, TorchTlError } from '../errors.ts';
import type { SkippedInput } from '../model/given-images.ts';
import type { ClassActivation } from '../model/grad-cam.ts';
import type { Prediction } from '../model/predict.ts';
import { RequestError } from '../web/request-error.ts';
import type { HeatMap, ImageAnswer } from './answers.ts';
import { Batcher, type BatchLimits } from './batcher.ts';
import type { ServiceMetrics } from './metrics.ts';

export interface ClassifierOptions extends BatchLimits {
  maxQueue: number;
  maxPixels: number;
  precision: 'auto' | 'fp32' | 'bf16';
  threads?: number | undefined;
  kernels: 'auto' | 'libtorch';
}

/** What a client wants to know of an image. */
export interface Wanted {
  /** Number of likeliest classes. */
  top: number;
  heat: boolean;
}

/** An image whose header says that it may be decoded. */
interface Accepted {
  bytes: Uint8Array;
  size: Size;
}

/** Classifies the images of concurrent requests with one model, in batches that they share. */
export class Classifier {
  readonly #model: DenseNet121;
  readonly #options: ClassifierOptions;
  readonly #predictions: Batcher<Uint8Array, Prediction>;
  readonly #heats: Batcher<{ bytes: Uint8Array; label: string }, ClassActivation>;

  constructor(model: DenseNet121, options: ClassifierOptions, metrics: () => ServiceMetrics) {
    this.#model = model;
    this.#options = options;
    const { precision, threads, kernels, maxBatchSize } = options;
    const computation = {
      precision,
      threads,
      kernels,
      batchSize: Math.max(2, maxBatchSize),
      skipCorrupt: true,
    };
    this.#predictions = new Batcher(
      (images) =>
        inPlaces(images.length, (onSkipped) =>
          model.predict(images, { ...computation, topK: model.classes.length, onSkipped }),
        ),
      options,
      (batch) => metrics().batch('prediction', batch),
    );
    this.#heats = new Batcher(
      (images) =>
        inPlaces(images.length, (onSkipped) =>
          model.gradCam(
            images.map(({ bytes }) => bytes),
            { ...computation, classes: images.map(({ label }) => label), onSkipped },
          ),
        ),
      options,
      (batch) => metrics().batch('heat', batch),
    );
  }

  /** Number of images that wait for a batch. */
  get waiting(): number {
    return this.#predictions.waiting + this.#heats.waiting;
  }

  /**
   * Makes sure that so many more images may wait.
   *
   * @throws RequestError 503 `SERVER_BUSY`, with the time after which to try again
   */
  requireRoom(count: number): void {
    if (this.waiting + count <= this.#options.maxQueue) return;
    const seconds = Math.max(1, Math.ceil(this.#predictions.backlog + this.#heats.backlog));
    throw new RequestError(
      503,
      'SERVER_BUSY',
      `${this.waiting} images are waiting already. Try again later.`,
      {
        headers: { 'retry-after': String(seconds) },
      },
    );
  }

  /**
   * Reads an image's header.
   *
   * @throws RequestError 400 `DATA_INVALID` if the bytes are no image, 413 `REQUEST_TOO_LARGE` if it has too many pixels
   */
  async accept(bytes: Uint8Array): Promise<Accepted> {
    const size = await uprightSize(bytes).catch((cause: Error) => {
      throw cause instanceof ImageProblem ? unreadable(cause.message, cause) : cause;
    });
    const { maxPixels } = this.#options;
    if (size.width * size.height <= maxPixels) return { bytes, size };
    throw new RequestError(
      413,
      'REQUEST_TOO_LARGE',
      `The image has ${size.width} x ${size.height} pixels; this server takes images of at most ${maxPixels} pixels.`,
    );
  }

  /**
   * Classifies an image. The caller has called `requireRoom` in the same turn of the event loop.
   *
   * @throws RequestError 400 `DATA_INVALID` if it cannot be decoded, 503 `SERVER_BUSY` while the model trains; the
   *   signal's reason; what the model throws
   */
  async classify(
    { bytes, size }: Accepted,
    { top, heat }: Wanted,
    signal: AbortSignal,
  ): Promise<ImageAnswer> {
    const { imageSize, resize } = this.#model;
    const { label, index, probability, top: all } = await this.#predictions.add(bytes, signal);
    return {
      label,
      index,
      probability,
      top: all.slice(0, top),
      ...size,
      seen: seenPart(size, imageSize, resize),
      ...(heat ? { heat: heatMap(await this.#heats.add({ bytes, label }, signal)) } : {}),
    };
  }
}

/** Runs a method of the model on a batch, and puts results and errors in the places of the images. */
async function inPlaces<Result>(
  count: number,
  run: (onSkipped: (skipped: readonly SkippedInput[]) => void) => Promise<Result[]>,
): Promise<Array<Result | Error>> {
  const places = new Array<Result | Error | undefined>(count);
  try {
    const results = await run((skipped) => {
      for (const { index, reason } of skipped) places[index] = unreadable(reason);
    });
    let next = 0;
    return Array.from(places, (place) => place ?? (results[next++] as Result));
  } catch (error) {
    const isBusy = error instanceof TorchTlError && error.code === 'MODEL_BUSY';
    throw isBusy ? new RequestError(503, 'SERVER_BUSY', 'The model is being trained.', RETRY) : error;
  }
}

const RETRY = { headers: { 'retry-after': '10' } };

function unreadable(problem: string, cause?: Error): InputError {
  return new RequestError(400, 'DATA_INVALID', `The image cannot be read: ${problem}.`, { cause });
}

function heatMap({ label, width, height, map }: ClassActivation): HeatMap {
  return { label, width, height, map: Array.from(map, (value) => Math.round(value * 1e4) / 1e4) };
}
