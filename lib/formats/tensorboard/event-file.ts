import { appendFile, readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makeDirectory } from '../../files/atomic-file.ts';
import { unwritable } from '../../support/files.ts';

/** An event file for TensorBoard, next to those of earlier parts of a training. It is created by the first `append`. */
export class EventFile {
  readonly #directory: string;
  #path: string | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Appends scalars. Resolves once they are on disk.
   *
   * @throws TorchTlError `WRITE_FAILED`
   */
  async append(step: number, scalars: Record<string, number>): Promise<void> {
    // protobufjs takes longer to load than the rest of the package.
    const { scalarsEvent, startOfEvents } = await import('./events.ts');
    const wallTime = Date.now() / 1000;
    try {
      const start = this.#path === undefined ? [startOfEvents(wallTime, step)] : [];
      this.#path ??= await makePath(this.#directory, wallTime);
      const events = Buffer.concat([...start, scalarsEvent(wallTime, step, scalars)]);
      await appendFile(this.#path, events, { flush: true });
    } catch (cause) {
      throw unwritable(this.#directory, cause);
    }
  }
}

/**
 * Name of the next event file: TensorBoard reads the files of a directory in the order of their names, and never goes back.
 * So after the clock was set back the name has the time of the latest file.
 */
async function makePath(directory: string, wallTime: number): Promise<string> {
  await makeDirectory(directory);
  const names = await readdir(directory);
  const times = names.map((name) => Number(/^events\.out\.tfevents\.(\d+)\./.exec(name)?.[1] ?? 0));
  const time = Math.max(Math.floor(wallTime), ...times.map((earlier) => earlier + 1));
  return join(directory, ['events.out.tfevents', time, hostname(), process.pid, names.length].join('.'));
}
