/*
 * Escapes names and texts from files before people see them. The name of a file, class or tensor may contain terminal
 * control sequences, line breaks or marks that reverse the reading direction.
 */

/** Control characters, lone surrogates, line separators, direction marks and the byte-order mark. */
const UNFIT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/gu;

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** A name on one line: unprintable characters are replaced by escapes such as `\x1b`. */
export function shown(name: string): string {
  return name.replace(UNFIT, escaped);
}

/** A text of several lines: as `shown`, but line breaks stay. */
export function shownText(text: string): string {
  return text.replace(UNFIT, (sign) => (sign === '\n' ? sign : escaped(sign)));
}

/** JSON in which every unprintable character is escaped; JSON.stringify escapes only some of them. */
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
