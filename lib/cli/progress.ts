import { SingleBar } from 'cli-progress';
import { count, duration } from '../support/format.ts';
import { shown } from '../support/printable.ts';
import { setBar } from './notice.ts';
import { isQuiet } from './output.ts';
import { wrap } from './wrap.ts';

/** Interval between progress lines without a terminal. */
const QUIET_MS = 60_000;

/**
 * Shows progress: a bar on a terminal, else one line per minute. A text may be given in several forms, from the longest
 * to the shortest; a terminal shows the first one that fits.
 */
export interface Progress {
  /** Prints a line that stays. */
  line(...forms: Forms): void;
  /** Updates the bar to `done` of `total`, with a text beside it. */
  bar(done: number, total: number, ...forms: Forms): void;
  /** Removes the bar. */
  end(): void;
}

type Forms = [fullest: string, ...shorter: string[]];

/** Progress on a stream, which may be a terminal. */
export function progressOn(stream: NodeJS.WriteStream): Progress {
  if (isQuiet()) return SILENT;
  return stream.isTTY ? new BarProgress(stream) : new LineProgress(stream);
}

const SILENT: Progress = { line: () => {}, bar: () => {}, end: () => {} };

class LineProgress implements Progress {
  readonly #stream: NodeJS.WriteStream;
  #last = performance.now();

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  line(text: string): void {
    this.#last = performance.now();
    this.#stream.write(`${shown(text)}\n`);
  }

  bar(_done: number, _total: number, text: string): void {
    if (performance.now() - this.#last >= QUIET_MS) this.line(text);
  }

  end(): void {}
}

/** Maximum width of a bar in columns. */
const WIDEST_BAR = 24;
/** Minimum width of a bar in columns. */
const NARROWEST_BAR = 8;
/** Width in columns of a terminal of unknown width. */
const COLUMNS = 80;

class BarProgress implements Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #bar: SingleBar;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    // With `gracefulExit` the bar would repeat a signal, and a second signal ends a run at once.
    const options = { stream, clearOnComplete: true, gracefulExit: false, hideCursor: true };
    this.#bar = new SingleBar({
      ...options,
      // Clearing the rest of the line would also clear a character in the last column.
      format: (_, { progress }, { forms }) => barText(progress, forms, this.#columns - 1),
    });
  }

  get #columns(): number {
    return this.#stream.columns || COLUMNS;
  }

  line(...forms: Forms): void {
    this.end();
    this.#stream.write(`${wrap(fitting(forms, this.#columns), this.#columns)}\n`);
  }

  bar(done: number, total: number, ...forms: Forms): void {
    if (!this.#bar.isActive) this.#bar.start(total, done, { forms });
    setBar(this);
    this.#bar.setTotal(total);
    this.#bar.update(done, { forms });
  }

  end(): void {
    if (!this.#bar.isActive) return;
    this.#bar.stop();
    setBar(undefined);
  }
}

/** Text and bar for a width in columns. The text has priority; the bar takes the remaining width. */
function barText(progress: number, forms: Forms, columns: number): string {
  const text = fitting(forms, columns - NARROWEST_BAR - 1);
  const size = Math.min(columns - text.length - 1, WIDEST_BAR);
  if (size < NARROWEST_BAR) return text;
  const done = Math.round(progress * size);
  return `${'█'.repeat(done)}${'░'.repeat(size - done)} ${text}`;
}

function fitting(forms: Forms, width: number): string {
  const fit = forms.map(shown);
  return fit.find((form) => form.length <= width) ?? (fit.at(-1) as string);
}

/** Callback that shows the progress of a pass over images, which starts now. */
export function passCallback(progress: Progress, name: string): (done: number, total: number) => void {
  const started = performance.now();
  return (done, total) =>
    showPass(progress, name, { done, total, seconds: (performance.now() - started) / 1000 });
}

/** Shows a pass over images: a bar while it runs, a line when it is done. */
export function showPass(
  progress: Progress,
  name: string,
  { done, total, seconds }: { done: number; total: number; seconds: number },
): void {
  const speed = `${count(done / seconds)} images/s`;
  const left = duration((seconds / done) * (total - done));
  if (done < total) {
    const shortest = `${name} ${count(done)}/${count(total)}  ${left} left`;
    progress.bar(done, total, `${name} ${count(done)}/${count(total)}  ${speed}  ${left} left`, shortest);
  } else progress.line(`${name} of ${count(total)} images  ${speed}  ${duration(seconds)}`);
}
