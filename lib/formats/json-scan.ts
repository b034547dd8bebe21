/*
 * Checks of JSON from untrusted sources that JSON.parse does not make: too many values, deep nesting, duplicate keys.
 */

/** A string, or one of the characters `{ } [ ] , :`. */
interface Token {
  first: string;
  start: number;
  end: number;
}

/** Largest number of tokens per value: its brackets, a key, a colon and a comma. */
const TOKENS_PER_VALUE = 5;

/** Whether a text, which need not be valid JSON, has more than `maximum` values. */
export function hasMoreValues(text: string, maximum: number): boolean {
  let [values, all] = [1, 0];
  for (const { first } of tokens(text)) {
    if (++all > TOKENS_PER_VALUE * maximum) return true;
    if ('{[,'.includes(first) && ++values > maximum) return true;
  }
  return false;
}

/** Whether a text, which need not be valid JSON, nests brackets and braces more than `maximum` deep. */
export function nestsDeeper(text: string, maximum: number): boolean {
  let depth = 0;
  for (const { first } of tokens(text)) {
    if ('{['.includes(first) && ++depth > maximum) return true;
    if ('}]'.includes(first)) depth--;
  }
  return false;
}

/**
 * The first key that an object of a text has twice, or undefined. JSON.parse silently keeps the last of such keys.
 *
 * @param json a text that JSON.parse accepts
 */
export function duplicateKey(json: string): string | undefined {
  /** The keys so far of each object that has not ended; null for a list. */
  const open: Array<Set<string> | null> = [];
  let before: Token | undefined;
  for (const token of tokens(json)) {
    if ('{['.includes(token.first)) open.push(token.first === '{' ? new Set() : null);
    if ('}]'.includes(token.first)) open.pop();
    const seen = open.at(-1);
    if (token.first === ':' && before && seen) {
      const key = JSON.parse(json.slice(before.start, before.end)) as string;
      if (seen.has(key)) return key;
      seen.add(key);
    }
    before = token;
  }
  return undefined;
}

/** The tokens of a text, in time linear in its length, even for a text of spaces. */
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
