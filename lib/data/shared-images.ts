import { loadEngine } from '../engine/engine.ts';
import type { Job, NativeDataset } from '../engine/native.ts';
import { sha256 } from '../support/hash.ts';
import { onAbort, SharedWork } from '../support/signals.ts';
import { readPixels, requireSameFile } from './decoding/read-pixels.ts';
import { imageKeys } from './image-keys.ts';
import type { Images } from './image-set.ts';

/** Reference-counted images and the engine's copies of them, which are freed when the last holder releases them. */
export class SharedImages {
  readonly set: Images;
  #holders = 0;
  #sha256: SharedWork<string> | undefined;
  #keys: SharedWork<Uint8Array> | undefined;
  readonly #onDevice = new Map<string, SharedWork<NativeDataset>>();

  constructor(set: Images) {
    this.set = set;
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    for (const copy of this.#onDevice.values()) {
      copy.result().then(
        (native) => native.dispose(),
        () => undefined,
      );
    }
    this.#onDevice.clear();
  }

  /**
   * The engine's copy on a device, made once. After a failure, such as too little memory, the next call tries again.
   */
  onDevice(device: string, signal?: AbortSignal): Promise<NativeDataset> {
    let copy = this.#onDevice.get(device);
    if (!copy || copy.lost) {
      copy = new SharedWork((stopped) => this.#checkedCopyTo(device, stopped));
      this.#onDevice.set(device, copy);
    }
    return copy.result(signal);
  }

  /** SHA-256 of the images and their size, computed once. */
  pixelsSha256(signal?: AbortSignal): Promise<string> {
    if (!this.#sha256 || this.#sha256.lost) {
      this.#sha256 = new SharedWork((stopped) => sha256(hashed(this.set), stopped));
    }
    return this.#sha256.result(signal);
  }

  /** A key for each image, computed once: see `imageKeys`. */
  imageKeys(signal?: AbortSignal): Promise<Uint8Array> {
    if (!this.#keys || this.#keys.lost) {
      this.#keys = new SharedWork((stopped) => imageKeys(this.set, stopped));
    }
    return this.#keys.result(signal);
  }

  /** The engine opens a file by its name, which may be another one's by now. */
  async #checkedCopyTo(device: string, stopped: AbortSignal): Promise<NativeDataset> {
    const native = await this.#copyTo(device, stopped);
    try {
      if ('file' in this.set) await requireSameFile(this.set);
      return native;
    } catch (error) {
      native.dispose();
      throw error;
    }
  }

  #copyTo(device: string, stopped: AbortSignal): Promise<NativeDataset> {
    const job = this.#copyJob(device);
    onAbort(stopped, () => {
      job.abort();
      // The copy may have finished before the abort.
      job.result.then(
        (native) => native.dispose(),
        () => undefined,
      );
    });
    return job.result;
  }

  #copyJob(device: string): Job<NativeDataset> {
    const engine = loadEngine();
    const { set } = this;
    return 'file' in set ? engine.openDataset({ ...set, device }) : engine.createDataset({ ...set, device });
  }
}

async function* hashed(set: Images): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${set.count} ${set.height} ${set.width} `);
  yield* readPixels(set);
}
