import { isDeepStrictEqual } from 'node:util';

/*
 * Names that people and file systems give: which of them are the same.
 */

/** A name in the one form of its characters: `é` may be stored as one (NFC) or as a letter and its accent (NFD, macOS). */
export function normalName(name: string): string {
  return name.normalize('NFC');
}

export function isSameName(a: string, b: string): boolean {
  return a === b || normalName(a) === normalName(b);
}

/** Whether values that can be written as JSON are the same, names in them in whatever form. */
export function isSameValue(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(withNormalNames(a), withNormalNames(b));
}

function withNormalNames(value: unknown): unknown {
  const text = JSON.stringify(value);
  return text === undefined ? undefined : JSON.parse(normalName(text));
}

/** What names have in common that differ in case, form of characters or space around them alone. */
export function looseName(name: string): string {
  return normalName(name.trim().toLowerCase());
}

/** By the UTF-16 code units of their one form, whatever machine stored them. */
export function byName(a: string, b: string): number {
  const [first, second] = [normalName(a), normalName(b)];
  return first < second ? -1 : Number(first > second);
}

/** Names that are the same as an earlier one, each with that one. */
export function repeatedNames(
  names: readonly string[],
  keyOf: (name: string) => string = normalName,
): Array<[earlier: string, name: string]> {
  const seen = new Map<string, string>();
  return names.flatMap((name) => {
    const earlier = seen.get(keyOf(name));
    if (earlier === undefined) seen.set(keyOf(name), name);
    return earlier === undefined ? [] : [[earlier, name] as [string, string]];
  });
}
