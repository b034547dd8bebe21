import { wrap } from './wrap.ts';

let bar: { end(): void } | undefined;

/** Says what is drawn at the end of the terminal now, for a notice to take away. */
export function setBar(shown: { end(): void } | undefined): void {
  bar = shown;
}

/** Says something on stderr, above a bar that is on the terminal. */
export function notice(text: string): void {
  bar?.end();
  process.stderr.write(`${wrap(text, process.stderr.columns)}\n`);
}
