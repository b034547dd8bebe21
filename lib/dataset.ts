import { limitPerClass } from './data/limit.ts';
import { openData, type PictureSet } from './data/source.ts';
import { TorchTlError } from './errors.ts';
import { loadEngine, type NativeDataset } from './native.ts';

/** Where a data set comes from. */
export interface DatasetOrigin {
  /** For people, such as `CIFAR-10`. */
  name: string;
  /** Where it was read: a path, or which embedded sample. */
  source: string;
  /** Class names; a label is an index into them. */
  classes: readonly string[];
}

/** Pictures with labels. They are copied to a device, as uint8, when first used there. */
export class Dataset {
  readonly name: string;
  readonly source: string;
  readonly classes: readonly string[];
  readonly count: number;
  #pictures: PictureSet | null;
  readonly #onDevice = new Map<string, Promise<NativeDataset>>();

  /** @internal */
  constructor(origin: DatasetOrigin, pictures: PictureSet) {
    this.name = origin.name;
    this.source = origin.source;
    this.classes = origin.classes;
    this.count = pictures.count;
    this.#pictures = pictures;
  }

  /**
   * CIFAR-10 as two data sets.
   *
   * @param data `auto` (the full set where it has been downloaded, else the embedded sample),
   *   `sample`, or a directory that holds the official binary batches
   * @param limits how many pictures of each to use, spread evenly over the classes
   * @throws InputError `DATA_NOT_FOUND`, `DATA_INVALID` or `INVALID_ARGUMENT`
   */
  static async cifar10(
    data = 'auto',
    limits: { train?: number | undefined; valid?: number | undefined } = {},
  ): Promise<{ train: Dataset; valid: Dataset }> {
    const opened = await openData(data);
    const limited = (pictures: PictureSet, limit: number | undefined) =>
      new Dataset(opened, limit === undefined ? pictures : limitPerClass(pictures, limit));
    return { train: limited(opened.train, limits.train), valid: limited(opened.valid, limits.valid) };
  }

  /**
   * int64 `[count]`, indices into the classes.
   *
   * @throws TorchTlError `DISPOSED`
   */
  get labels(): BigInt64Array {
    return this.#requirePictures().labels;
  }

  /**
   * The engine's copy on a device, made once.
   *
   * @internal
   * @throws TorchTlError `DISPOSED`
   */
  async onDevice(device: string): Promise<NativeDataset> {
    const pictures = this.#pictures;
    if (!pictures)
      throw new TorchTlError('DISPOSED', `The data set '${this.name}' was used after dispose().`);
    let native = this.#onDevice.get(device);
    if (!native) {
      native = loadEngine().createDataset({ ...pictures, device }).result;
      this.#onDevice.set(device, native);
      // A copy that failed, for want of memory say, may succeed the next time.
      native.catch(() => this.#onDevice.delete(device));
    }
    return native;
  }

  /** Frees its memory here and on every device. A second call does nothing. */
  dispose(): void {
    this.#pictures = null;
    for (const native of this.#onDevice.values()) {
      native.then(
        (copy) => copy.dispose(),
        () => undefined,
      );
    }
    this.#onDevice.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #requirePictures(): PictureSet {
    if (this.#pictures) return this.#pictures;
    throw new TorchTlError('DISPOSED', `The data set '${this.name}' was used after dispose().`);
  }
}
