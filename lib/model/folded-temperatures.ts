/**
 * The temperatures by which calibration has divided the logits, each since the weights were last trained: those of the
 * model, and those of the best epoch of its last training, which a model holds after a training that ended by itself.
 */
export class FoldedTemperatures {
  #ofModel: readonly number[];
  #ofBest: readonly number[] = [];
  #holdsBest = false;

  /** @param stored the temperature that the model's file names */
  constructor(stored: number | undefined) {
    this.#ofModel = stored === undefined ? [] : [stored];
  }

  /** The temperature of the model's weights; undefined if they are not calibrated. */
  get ofModel(): number | undefined {
    return product(this.#ofModel);
  }

  /** Likewise of the best epoch's weights, once `divisors` are applied. */
  get ofBest(): number | undefined {
    return product(this.#ofBest);
  }

  /** The temperatures by which the engine's weights of the best epoch are still to be divided, one after another. */
  get divisors(): readonly number[] {
    return this.#ofBest;
  }

  /** The model's logits were divided. */
  add(temperature: number): void {
    this.#ofModel = [...this.#ofModel, temperature];
    if (this.#holdsBest) this.#ofBest = [...this.#ofBest, temperature];
  }

  /** A training begins, which makes other weights. */
  beginTraining(): void {
    this.#ofModel = [];
    this.#ofBest = [];
    this.#holdsBest = false;
  }

  /** It has ended by itself: the model holds the weights of the best epoch. */
  endTraining(): void {
    this.#holdsBest = true;
  }
}

function product(temperatures: readonly number[]): number | undefined {
  return temperatures.length === 0 ? undefined : temperatures.reduce((a, b) => a * b);
}
