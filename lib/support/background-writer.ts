/**
 * Writes in the background, one at a time. What is requested while a write is going on is written
 * once after it, however many requests came.
 */
export class BackgroundWriter {
  readonly #write: () => Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  #requested = false;
  #writing: Promise<void> | null = null;

  /** @param onFailure hears of a write that failed; nothing is written after that */
  constructor(write: () => Promise<void>, onFailure: (error: unknown) => void) {
    this.#write = write;
    this.#onFailure = onFailure;
  }

  request(): void {
    this.#requested = true;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves once everything requested is written or has failed. */
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
