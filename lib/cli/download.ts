import { duration, size } from '../support/format.ts';
import { interruptible } from './interrupt.ts';
import { progressOn } from './progress.ts';

/** What a download takes: how far it is, in bytes, and when to stop. */
interface Control {
  signal: AbortSignal;
  onProgress(done: number, total: number | null): void;
}

/** Does a download under Ctrl-C and shows how far it is, on stderr; `start` gives where it has put it. */
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
  } finally {
    progress.end();
  }
}
