import { Presets, SingleBar } from 'cli-progress';
import { count, duration } from '../format.ts';

/** How often work that goes on is told of where there is no terminal. */
const QUIET_MS = 60_000;

/** Shows work that goes on: a bar on a terminal; elsewhere the lines, and where the work is once a minute. */
export interface Progress {
  /** A line that stays. */
  line(text: string): void;
  /** Where the work is now: `done` of `total`, and what to say beside the bar. */
  bar(done: number, total: number, text: string): void;
  /** Takes the bar away. */
  end(): void;
}

export function progressOn(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? new BarProgress(stream) : new LineProgress(stream);
}

class LineProgress implements Progress {
  readonly #stream: NodeJS.WriteStream;
  #last = performance.now();

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  line(text: string): void {
    this.#last = performance.now();
    this.#stream.write(`${text}\n`);
  }

  bar(_done: number, _total: number, text: string): void {
    if (performance.now() - this.#last >= QUIET_MS) this.line(text);
  }

  end(): void {}
}

class BarProgress implements Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #bar: SingleBar;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    // Its own handling of signals would send a second one, which ends a run at once.
    const options = {
      stream,
      format: '{bar} {text}',
      barsize: 24,
      clearOnComplete: true,
      gracefulExit: false,
    };
    this.#bar = new SingleBar({ ...options, hideCursor: true }, Presets.shades_classic);
  }

  line(text: string): void {
    this.end();
    this.#stream.write(`${text}\n`);
  }

  bar(done: number, total: number, text: string): void {
    if (!this.#bar.isActive) this.#bar.start(total, done, { text });
    this.#bar.setTotal(total);
    this.#bar.update(done, { text });
  }

  end(): void {
    if (this.#bar.isActive) this.#bar.stop();
  }
}

/** What shows how far a pass over pictures is that begins now. */
export function passShown(progress: Progress, name: string): (done: number, total: number) => void {
  const started = performance.now();
  return (done, total) =>
    showPass(progress, name, { done, total, seconds: (performance.now() - started) / 1000 });
}

/** A pass over pictures: a bar while it goes on, a line when it is done. */
export function showPass(
  progress: Progress,
  name: string,
  { done, total, seconds }: { done: number; total: number; seconds: number },
): void {
  const speed = `${count(done / seconds)} images/s`;
  const left = duration((seconds / done) * (total - done));
  if (done < total)
    progress.bar(done, total, `${name} ${count(done)}/${count(total)}  ${speed}  ${left} left`);
  else progress.line(`${name} of ${count(total)} pictures  ${speed}  ${duration(seconds)}`);
}
