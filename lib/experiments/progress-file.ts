import { replaceFile } from '../files/atomic-file.ts';
import type { HeldDirectory } from '../files/held-directory.ts';
import { FORMAT_VERSION } from './results.ts';
import type { RunStatus, RunTracker } from './run-status.ts';

/** Name of the file in a run directory. */
export const PROGRESS = 'progress.json';

/** Minimum time between two writes. */
const INTERVAL_MS = 500;

/** Content of `progress.json`. */
export interface ProgressRecord extends RunStatus {
  formatVersion: typeof FORMAT_VERSION;
  /** Time of the write, in ISO 8601. */
  updated: string;
}

/**
 * Writes what a run is doing to a file for others to read, at most twice a second. The run does not wait for it, and
 * goes on if it cannot be written.
 */
export class ProgressFile {
  readonly #directory: HeldDirectory;
  readonly #tracker: RunTracker;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #last = Number.NEGATIVE_INFINITY;

  /** @param directory of the run; nothing is written once it has been moved or replaced */
  constructor(directory: HeldDirectory, tracker: RunTracker) {
    this.#directory = directory;
    this.#tracker = tracker;
    tracker.onChange = () => this.#schedule();
    this.#schedule();
  }

  /** Writes that the run has ended, and then no more. */
  async end(): Promise<void> {
    this.#tracker.onChange = () => {};
    this.#tracker.end();
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#write();
  }

  #schedule(): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, this.#last + INTERVAL_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#writing = this.#writing.then(() => this.#write());
    }, wait).unref();
  }

  async #write(): Promise<void> {
    this.#last = performance.now();
    this.#timer = undefined;
    const record: ProgressRecord = {
      formatVersion: FORMAT_VERSION,
      updated: new Date().toISOString(),
      ...this.#tracker.status,
    };
    const content = Buffer.from(`${JSON.stringify(record)}\n`);
    await this.#directory
      .whileInPlace(() => replaceFile(this.#directory.pathOf(PROGRESS), content))
      .catch(() => {});
  }
}
