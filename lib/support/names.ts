import { isDeepStrictEqual } from 'node:util';

/*
 * Comparison of names of files and classes.
 */

/**
 * A name in Unicode's form NFC. File systems may store `é` as one character (NFC) or as a letter and an accent (NFD,
 * macOS).
 */
export function normalName(name: string): string {
  return name.normalize('NFC');
}

export function isSameName(a: string, b: string): boolean {
  return a === b || normalName(a) === normalName(b);
}

/** Whether two JSON values are equal, apart from the Unicode form of the names in them. */
export function isSameValue(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(withNormalNames(a), withNormalNames(b));
}

function withNormalNames(value: unknown): unknown {
  const text = JSON.stringify(value);
  return text === undefined ? undefined : JSON.parse(normalName(text));
}

/** A name in NFC, in lower case and without surrounding space: equal for names that differ in nothing else. */
export function looseName(name: string): string {
  return normalName(name.trim().toLowerCase());
}

/** Compares names by the UTF-16 code units of their NFC form, so that every machine sorts alike. */
export function byName(a: string, b: string): number {
  const [first, second] = [normalName(a), normalName(b)];
  return first < second ? -1 : Number(first > second);
}

/** Pairs of names with equal keys: the earlier name and the one that repeats it. */
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
