import { InputError } from '../errors.ts';

/** Which of a model's layers train, as the engine has it once it has done what it was told. */
export class TrainedLayers {
  /** The model's layers with tensors, in the network's order. At first all train. */
  readonly names: readonly string[];
  #trainable: ReadonlySet<string>;

  constructor(names: readonly string[]) {
    this.names = names;
    this.#trainable = new Set(names);
  }

  /** Freezes layers, or lets them train again. */
  set(layers: readonly string[], trainable: boolean): void {
    const changed = new Set(layers);
    this.#trainable = new Set(
      this.names.filter((name) => (changed.has(name) ? trainable : this.#trainable.has(name))),
    );
  }

  /** As a training's stage has it: all but these are frozen; null leaves them as they are. */
  setOnly(trainable: readonly string[] | null): void {
    if (trainable !== null) this.#trainable = new Set(trainable);
  }

  /**
   * @param first what trains in the first stage; null leaves the layers as they are
   * @throws InputError `INVALID_ARGUMENT` where nothing would train
   */
  requireAny(first: readonly string[] | null): this {
    if (first !== null || this.#trainable.size > 0) return this;
    throw new InputError(
      'INVALID_ARGUMENT',
      "Every layer of the model is frozen, so nothing would train; unfreeze some first, as model.unfreeze('classifier') " +
        "does for the head, or say with freeze what alone is not to train, such as freeze: 'backbone'.",
    );
  }
}
