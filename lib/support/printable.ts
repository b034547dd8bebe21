/*
 * Names and texts from elsewhere, as they are shown to people. A file, a class or a tensor may be called anything, also
 * what steers a terminal, breaks a line or turns the direction of reading around.
 */

/** Control characters, lone surrogates, separators of lines, marks of direction, and the byte-order mark. */
const UNFIT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/gu;

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** A name on one line: what is unfit to be shown is written as its escape, such as `\x1b`; all else stays. */
export function shown(name: string): string {
  return name.replace(UNFIT, escaped);
}

/** A text that may have several lines, which stay lines. */
export function shownText(text: string): string {
  return text.replace(UNFIT, (sign) => (sign === '\n' ? sign : escaped(sign)));
}

/** JSON that has the same values and nothing that is unfit to be shown: JSON.stringify escapes only some of it. */
export function shownJson(value: unknown): string {
  const json = JSON.stringify(value, null, 2);
  return json.replace(UNFIT, (sign) =>
    sign === '\n' ? sign : `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function escaped(sign: string): string {
  const short = SHORT.get(sign);
  if (short !== undefined) return short;
  const code = (sign.codePointAt(0) as number).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
}
