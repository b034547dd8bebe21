import { shownText } from '../support/printable.ts';
import { wrap } from './wrap.ts';

let bar: { end(): void } | undefined;

/** Sets the progress bar that is on the terminal now; a notice removes it first. */
export function setBar(shown: { end(): void } | undefined): void {
  bar = shown;
}

/** Prints a message on stderr, after removing a progress bar from the terminal. */
export function notice(text: string): void {
  bar?.end();
  process.stderr.write(`${wrap(shownText(text), process.stderr.columns)}\n`);
}
