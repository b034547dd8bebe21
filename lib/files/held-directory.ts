import { closeSync, fstatSync, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { TorchTlError } from '../errors.ts';
import { unwritable } from '../support/files.ts';

/**
 * A directory that one process writes to for long. If it is moved or removed meanwhile, another one may take its place,
 * with files of another training under the same names. The directory is open until `close`, so that its number is not
 * given to another one.
 */
export class HeldDirectory {
  readonly #path: string;
  #descriptor: number | null;

  /** @throws TorchTlError `WRITE_FAILED` */
  constructor(path: string) {
    this.#path = resolve(path);
    // Windows opens no directories, and moves none that files are open in.
    if (process.platform === 'win32') this.#descriptor = null;
    else {
      try {
        this.#descriptor = openSync(path, 'r');
      } catch (cause) {
        throw unwritable(path, cause);
      }
    }
  }

  /** Whether the path still names this directory. */
  async isInPlace(): Promise<boolean> {
    if (this.#descriptor === null) return true;
    const held = fstatSync(this.#descriptor, { bigint: true });
    const named = await stat(this.#path, { bigint: true }).catch(() => null);
    return named !== null && named.ino === held.ino && named.dev === held.dev;
  }

  /** @throws TorchTlError `WRITE_FAILED` if the path names another directory now, or none */
  async requireInPlace(): Promise<void> {
    if (await this.isInPlace()) return;
    throw new TorchTlError(
      'WRITE_FAILED',
      `Cannot write to ${this.#path} any more: the directory was moved, removed or replaced while it was in use. ` +
        'If it was moved, resume from where it is now.',
    );
  }

  /**
   * Runs work that writes to the directory, if that is in its place. If it goes meanwhile, that explains whatever the work
   * missed.
   *
   * @throws as `requireInPlace`; what `work` throws
   */
  async whileInPlace<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.requireInPlace();
    try {
      return await work();
    } catch (error) {
      await this.requireInPlace();
      throw error;
    }
  }

  /**
   * The path of a file in the directory itself: on Linux it stays there if the directory is moved and another one takes
   * its place at that very moment.
   */
  pathOf(name: string): string {
    if (process.platform !== 'linux' || this.#descriptor === null) return join(this.#path, name);
    return `/proc/self/fd/${this.#descriptor}/${name}`;
  }

  /** A second call does nothing. */
  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }
}
