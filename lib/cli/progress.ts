import { SingleBar } from 'cli-progress';
import { count, duration } from '../support/format.ts';
import { shown } from '../support/printable.ts';
import { setBar } from './notice.ts';
import { wrap } from './wrap.ts';

/** How often work that goes on is told of where there is no terminal. */
const QUIET_MS = 60_000;

/**
 * Shows work that goes on: a bar on a terminal; elsewhere the lines, and where the work is once a minute. What is said
 * may come in several forms, from the fullest to the shortest, of which a terminal gets the first that it has room for.
 */
export interface Progress {
  /** A line that stays. */
  line(...forms: Forms): void;
  /** Where the work is now: `done` of `total`, and what to say beside the bar. */
  bar(done: number, total: number, ...forms: Forms): void;
  /** Takes the bar away. */
  end(): void;
}

type Forms = [fullest: string, ...shorter: string[]];

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
    this.#stream.write(`${shown(text)}\n`);
  }

  bar(_done: number, _total: number, text: string): void {
    if (performance.now() - this.#last >= QUIET_MS) this.line(text);
  }

  end(): void {}
}

/** Columns of a bar, and of a terminal that does not say how wide it is. */
const WIDEST_BAR = 24;
const NARROWEST_BAR = 8;
const COLUMNS = 80;

class BarProgress implements Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #bar: SingleBar;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    // Its own handling of signals would send a second one, which ends a run at once.
    const options = { stream, clearOnComplete: true, gracefulExit: false, hideCursor: true };
    this.#bar = new SingleBar({
      ...options,
      // What clears the rest of the line would take a character in the last column, too.
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

/** What is said goes before the bar, which takes the room that is left. */
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

/** What shows how far a pass over images is that begins now. */
export function passShown(progress: Progress, name: string): (done: number, total: number) => void {
  const started = performance.now();
  return (done, total) =>
    showPass(progress, name, { done, total, seconds: (performance.now() - started) / 1000 });
}

/** A pass over images: a bar while it goes on, a line when it is done. */
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
