/*
 * What JSON.parse does not tell about a text from an unknown source: whether it would build more
 * values than there is reason for, and whether it would drop some silently.
 */

/** A string, or one of the characters `{ } [ ] , :`. */
interface Token {
  first: string;
  start: number;
  end: number;
}

/** Whether a text, which need not be JSON, has more than `most` values. */
export function hasMoreValues(text: string, most: number): boolean {
  let count = 1;
  for (const { first } of tokens(text)) {
    if ('{[,'.includes(first) && ++count > most) return true;
  }
  return false;
}

/**
 * The first key that stands twice in an object, or in one of the objects right inside it, or
 * undefined. JSON.parse keeps the last of such keys silently.
 *
 * @param json the text of an object, which JSON.parse accepts
 */
export function duplicateKey(json: string): string | undefined {
  const outer = new Set<string>();
  const inner = new Set<string>();
  let depth = 0;
  let before: Token | undefined;
  for (const token of tokens(json)) {
    if ('{['.includes(token.first)) depth++;
    if ('}]'.includes(token.first)) depth--;
    if (token.first === '{' && depth === 2) inner.clear();
    if (token.first === ':' && before && depth <= 2) {
      const key = JSON.parse(json.slice(before.start, before.end)) as string;
      const seen = depth === 1 ? outer : inner;
      if (seen.has(key)) return key;
      seen.add(key);
    }
    before = token;
  }
  return undefined;
}

function* tokens(text: string): Generator<Token> {
  let position = 0;
  while (position < text.length) {
    const start = position;
    const first = text[start] as string;
    position = first === '"' ? endOfString(text, start) : start + 1;
    if ('"{}[],:'.includes(first)) yield { first, start, end: position };
  }
}

/** The position after the closing quote of the string that opens at `start`, or past the end of the text. */
function endOfString(text: string, start: number): number {
  let position = start + 1;
  while (position < text.length && text[position] !== '"') position += text[position] === '\\' ? 2 : 1;
  return position + 1;
}
