const HANGING = '  ';

/**
 * A text whose lines are broken between words where they are wider than the terminal; what goes on is indented a little
 * more than its line. Without a terminal it stays as it is.
 */
export function wrap(text: string, width: number | undefined): string {
  if (!width) return text;
  return text
    .split('\n')
    .flatMap((line) => {
      const indent = /^ */.exec(line)?.[0] ?? '';
      if (line.length <= width) return [line];
      const parts = brokenLines(line.slice(indent.length), width - indent.length - HANGING.length);
      return parts.map((part, index) => indent + (index > 0 ? HANGING : '') + part);
    })
    .join('\n');
}

/** Words that are wider stay whole: they may be paths, to be copied. */
export function brokenLines(text: string, width: number): string[] {
  if (text.length <= width) return [text];
  const lines: string[] = [];
  let line = '';
  // A gap of several spaces belongs to the word before it.
  for (const word of text.match(/^ +\S+ *|\S+ */g) ?? []) {
    if (line !== '' && line.length + word.trimEnd().length > width) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += word;
  }
  return [...lines, line.trimEnd()];
}
