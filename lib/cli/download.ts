import { duration, size } from '../support/format.ts';
import { Interrupted, interruptible } from './interrupt.ts';
import { progressOn } from './progress.ts';

/** Options of a download: a signal that stops it and a callback for its progress in bytes. */
interface Control {
  signal: AbortSignal;
  onProgress(done: number, total: number | null): void;
}

/**
 * Runs a download that Ctrl-C stops, and shows its progress on stderr.
 *
 * @param start downloads, and returns the path of the result
 */
export async function showDownload(
  name: string,
  start: (control: Control) => Promise<string>,
): Promise<void> {
  const progress = progressOn(process.stderr);
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const onProgress = (done: number, total: number | null) =>
    progress.bar(done, total ?? done, `${size(done)}  ${size(done / seconds())}/s`);
  try {
    const path = await interruptible((signal) => start({ signal, onProgress }));
    progress.line(`${name}: ${path}  ${duration(seconds())}`);
  } catch (error) {
    if (error instanceof Interrupted)
      error.kept = 'What has arrived is kept: the same command fetches the rest.';
    throw error;
  } finally {
    progress.end();
  }
}
