import { sha256 } from '../hash.ts';
import { loadEngine, type NativeDataset } from '../native.ts';
import type { PictureSet } from './picture-set.ts';

/** Pictures and the engine's copies of them, which are freed once nobody holds the pictures any more. */
export class SharedPictures {
  readonly set: PictureSet;
  #holders = 0;
  #sha256: Promise<string> | undefined;
  readonly #onDevice = new Map<string, Promise<NativeDataset>>();

  constructor(set: PictureSet) {
    this.set = set;
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    for (const native of this.#onDevice.values()) {
      native.then(
        (copy) => copy.dispose(),
        () => undefined,
      );
    }
    this.#onDevice.clear();
  }

  /** The engine's copy on a device, made once. */
  onDevice(device: string): Promise<NativeDataset> {
    let native = this.#onDevice.get(device);
    if (!native) {
      native = loadEngine().createDataset({ ...this.set, device }).result;
      this.#onDevice.set(device, native);
      // A copy that failed, for want of memory say, may succeed the next time.
      native.catch(() => this.#onDevice.delete(device));
    }
    return native;
  }

  /** SHA-256 over the pictures and their size, computed once. */
  pixelsSha256(): Promise<string> {
    const { pixels, count, height, width } = this.set;
    this.#sha256 ??= sha256([Buffer.from(`${count} ${height} ${width} `), pixels]);
    return this.#sha256;
  }
}
