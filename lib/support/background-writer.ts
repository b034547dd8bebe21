/**
 * Runs writes in the background, one at a time. However many requests arrive during a write, they lead to one more
 * write after it.
 */
export class BackgroundWriter {
  readonly #write: () => Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  #requested = false;
  #writing: Promise<void> | null = null;

  /** @param onFailure receives the error of a failed write; no further writes happen after that */
  constructor(write: () => Promise<void>, onFailure: (error: unknown) => void) {
    this.#write = write;
    this.#onFailure = onFailure;
  }

  request(): void {
    this.#requested = true;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves once every requested write has finished or failed. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#requested) {
        this.#requested = false;
        await this.#write();
      }
      this.#writing = null;
    } catch (error) {
      this.#onFailure(error);
    }
  }
}
