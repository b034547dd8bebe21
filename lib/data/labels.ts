import { InputError, invalidArgument } from '../errors.ts';
import { byName, normalName } from '../support/names.ts';
import { withNearest } from '../support/nearest.ts';

/**
 * Labels as indices into the classes.
 *
 * @param labels class names, or indices into `classes`
 * @param classes by default the names among the labels, sorted
 * @throws InputError `INVALID_ARGUMENT` for labels of mixed kinds, unknown names (the nearest is named),
 *   indices out of range, and indices without `classes`
 */
export function resolveLabels(
  labels: ReadonlyArray<string | number>,
  classes?: readonly string[],
): { classes: readonly string[]; labels: BigInt64Array } {
  if (labels.every((label) => typeof label === 'string')) {
    const known = classes ?? [...new Set(labels.map(normalName))].sort(byName);
    return { classes: known, labels: indicesOf(labels, known) };
  }
  if (!classes) throw invalidArgument('classes', 'a list of names where labels are numbers', classes);
  const expected = `class names only, or only integers from 0 to ${classes.length - 1}`;
  const wrong = labels.find((label) => !Number.isInteger(label) || !(Number(label) in classes));
  if (wrong !== undefined) throw invalidArgument('labels', expected, wrong);
  return { classes, labels: BigInt64Array.from(labels, BigInt) };
}

/** Which names are no classes, with the nearest that is one, and the classes, in sentences; null where all are. */
export function namedUnknown(names: readonly string[], classes: readonly string[]): string | null {
  const known = new Set(classes.map(normalName));
  const unknown = [...new Set(names)].filter((name) => !known.has(normalName(name)));
  if (unknown.length === 0) return null;
  return `${withNearest(unknown, classes)}. The classes are ${classes.join(', ')}.`;
}

/**
 * int64, where each name stands among the classes.
 *
 * @throws InputError `INVALID_ARGUMENT` that names all that are unknown
 */
export function indicesOf(names: readonly string[], classes: readonly string[]): BigInt64Array {
  const unknown = namedUnknown(names, classes);
  if (unknown !== null) throw new InputError('INVALID_ARGUMENT', `There are unknown classes: ${unknown}`);
  const places = new Map(classes.map((name, index) => [normalName(name), index]));
  return BigInt64Array.from(names, (name) => BigInt(places.get(normalName(name)) as number));
}
