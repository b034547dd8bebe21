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

/** Each value has a few of these characters at most: its own brackets, a key's quotes and colon, a comma. */
const TOKENS_OF_A_VALUE = 5;

/** Whether a text, which need not be JSON, has more than `most` values. */
export function hasMoreValues(text: string, most: number): boolean {
  let [values, all] = [1, 0];
  for (const { first } of tokens(text)) {
    if (++all > TOKENS_OF_A_VALUE * most) return true;
    if ('{[,'.includes(first) && ++values > most) return true;
  }
  return false;
}

/** Whether there are more than `most` brackets and braces open anywhere in a text, which need not be JSON. */
export function nestsDeeper(text: string, most: number): boolean {
  let depth = 0;
  for (const { first } of tokens(text)) {
    if ('{['.includes(first) && ++depth > most) return true;
    if ('}]'.includes(first)) depth--;
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

/** In time by the text's length, also of spaces alone. */
function* tokens(text: string): Generator<Token> {
  const sign = /["{}[\],:]/g;
  for (let found = sign.exec(text); found !== null; found = sign.exec(text)) {
    const { index: start, 0: first } = found;
    if (first === '"') sign.lastIndex = endOfString(text, start);
    yield { first, start, end: sign.lastIndex };
  }
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c];

/** The position after the closing quote of the string that opens at `start`, or past the end of the text. */
function endOfString(text: string, start: number): number {
  let position = start + 1;
  for (; position < text.length; position++) {
    const code = text.charCodeAt(position);
    if (code === QUOTE) break;
    if (code === BACKSLASH) position++;
  }
  return position + 1;
}
