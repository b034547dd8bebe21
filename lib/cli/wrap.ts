const HANGING = '  ';

/**
 * Breaks lines between words where they are wider than the terminal. Continuation lines are indented by two more
 * spaces. Without a terminal the text is unchanged.
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

/** Breaks a text into lines of at most `width` characters. Longer words stay whole, since they may be paths to copy. */
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
