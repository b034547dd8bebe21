import { InputError, invalidArgument } from '../errors.ts';
import { byName, normalName } from '../support/names.ts';
import { withNearest } from '../support/nearest.ts';

/**
 * Turns labels into indices into the classes.
 *
 * @param labels class names, or indices into `classes`
 * @param classes by default the distinct labels, sorted
 * @throws InputError `INVALID_ARGUMENT` for mixed names and indices, unknown names (with the most similar class),
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
  if (!classes) throw invalidArgument('classes', 'a list of names if labels are numbers', classes);
  const expected = `either all class names, or all integers from 0 to ${classes.length - 1}`;
  const wrong = labels.find((label) => !Number.isInteger(label) || !(Number(label) in classes));
  if (wrong !== undefined) throw invalidArgument('labels', expected, wrong);
  return { classes, labels: BigInt64Array.from(labels, BigInt) };
}

/** A message about the names that are not classes, with the most similar ones; null if all are classes. */
export function unknownClasses(names: readonly string[], classes: readonly string[]): string | null {
  const known = new Set(classes.map(normalName));
  const unknown = [...new Set(names)].filter((name) => !known.has(normalName(name)));
  if (unknown.length === 0) return null;
  return `${withNearest(unknown, classes)}. The classes are ${classes.join(', ')}.`;
}

/**
 * The index of each name in the classes: int64 `[names.length]`.
 *
 * @throws InputError `INVALID_ARGUMENT` with all unknown names
 */
export function indicesOf(names: readonly string[], classes: readonly string[]): BigInt64Array {
  const unknown = unknownClasses(names, classes);
  if (unknown !== null)
    throw new InputError('INVALID_ARGUMENT', `Some labels are unknown classes: ${unknown}`);
  const places = new Map(classes.map((name, index) => [normalName(name), index]));
  return BigInt64Array.from(names, (name) => BigInt(places.get(normalName(name)) as number));
}
