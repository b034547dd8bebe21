import { loadEngine } from '../engine.ts';
import { sha256 } from '../hash.ts';
import type { Job, NativeDataset } from '../native.ts';
import type { Pictures } from './picture-set.ts';
import { readPixels } from './read-pixels.ts';

/** Pictures and the engine's copies of them, which are freed once nobody holds the pictures any more. */
export class SharedPictures {
  readonly set: Pictures;
  #holders = 0;
  #sha256: Promise<string> | undefined;
  readonly #onDevice = new Map<string, Promise<NativeDataset>>();

  constructor(set: Pictures) {
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
      native = this.#copyTo(device).result;
      this.#onDevice.set(device, native);
      // A copy that failed, for want of memory say, may succeed the next time.
      native.catch(() => this.#onDevice.delete(device));
    }
    return native;
  }

  /** SHA-256 over the pictures and their size, computed once. */
  pixelsSha256(): Promise<string> {
    this.#sha256 ??= sha256(hashed(this.set));
    return this.#sha256;
  }

  #copyTo(device: string): Job<NativeDataset> {
    const engine = loadEngine();
    const { set } = this;
    return 'file' in set ? engine.openDataset({ ...set, device }) : engine.createDataset({ ...set, device });
  }
}

async function* hashed(set: Pictures): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${set.count} ${set.height} ${set.width} `);
  yield* readPixels(set);
}
