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
  let position = 0;
  while (position < json.length) {
    const character = json[position] as string;
    if ('{['.includes(character)) {
      depth++;
      if (depth === 2) inner.clear();
    }
    if ('}]'.includes(character)) depth--;
    if (character !== '"') {
      position++;
      continue;
    }
    const end = endOfString(json, position);
    if (depth <= 2 && isKey(json, end)) {
      const seen = depth === 1 ? outer : inner;
      const key = JSON.parse(json.slice(position, end)) as string;
      if (seen.has(key)) return key;
      seen.add(key);
    }
    position = end;
  }
  return undefined;
}

/** The position after the closing quote of the string that opens at `start`. */
function endOfString(json: string, start: number): number {
  let position = start + 1;
  while (json[position] !== '"') position += json[position] === '\\' ? 2 : 1;
  return position + 1;
}

function isKey(json: string, afterString: number): boolean {
  let position = afterString;
  while (' \t\n\r'.includes(json[position] as string)) position++;
  return json[position] === ':';
}
