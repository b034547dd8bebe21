import { shownText } from '../support/printable.ts';
import { wrap } from './wrap.ts';

let bar: { end(): void } | undefined;

/** Says what is drawn at the end of the terminal now, for a notice to take away. */
export function setBar(drawn: { end(): void } | undefined): void {
  bar = drawn;
}

/** Says something on stderr, above a bar that is on the terminal. */
export function notice(text: string): void {
  bar?.end();
  process.stderr.write(`${wrap(shownText(text), process.stderr.columns)}\n`);
}
