import { InputError } from '../errors.ts';
import { type LayerSelection, selectLayers } from '../options/layer-selection.ts';

/**
 * Layers that train in a stage that freezes the given ones; null if the stage leaves the layers as they are.
 *
 * @param leafNames names of the model's leaf layers, in the order of the forward pass
 * @param where the stage, for the error message: ` in stage 2`
 * @throws InputError `INVALID_ARGUMENT` for an unknown layer, or if no layer is left to train
 */
export function layersToTrain(
  freeze: LayerSelection | readonly LayerSelection[] | undefined,
  leafNames: readonly string[],
  where: string,
): string[] | null {
  if (freeze === undefined) return null;
  const frozen = new Set(selectLayers(freeze, leafNames));
  const trainable = leafNames.filter((leaf) => !frozen.has(leaf));
  if (trainable.length > 0) return trainable;
  throw new InputError(
    'INVALID_ARGUMENT',
    `freeze leaves no layer to train${where}. Freeze fewer layers, for example backbone, which leaves the head.`,
  );
}

/** Which layers of a model train. The engine's state follows it once the calls submitted so far are done. */
export class TrainedLayers {
  /** Names of the model's leaf layers with tensors, in the order of the forward pass. Initially all of them train. */
  readonly names: readonly string[];
  #trainable: ReadonlySet<string>;

  constructor(names: readonly string[]) {
    this.names = names;
    this.#trainable = new Set(names);
  }

  /** Names of the layers that train now. */
  get trainable(): string[] {
    return [...this.#trainable];
  }

  /** Freezes or unfreezes layers. */
  set(layers: readonly string[], trainable: boolean): void {
    const changed = new Set(layers);
    this.#trainable = new Set(
      this.names.filter((name) => (changed.has(name) ? trainable : this.#trainable.has(name))),
    );
  }

  /** Freezes all layers except the given ones, as a stage of a training does; null changes nothing. */
  setOnly(trainable: readonly string[] | null): void {
    if (trainable !== null) this.#trainable = new Set(trainable);
  }

  /**
   * Makes sure that at least one layer trains in the first stage.
   *
   * @param first layers that train in the first stage; null if it leaves the layers as they are
   * @throws InputError `INVALID_ARGUMENT` if no layer would train
   */
  requireAny(first: readonly string[] | null): this {
    if (first !== null || this.#trainable.size > 0) return this;
    throw new InputError(
      'INVALID_ARGUMENT',
      'Every layer of the model is frozen, so nothing would train. Unfreeze layers first, for example the head with ' +
        "model.unfreeze('classifier'), or set the option freeze, for example freeze: 'backbone'.",
    );
  }
}
