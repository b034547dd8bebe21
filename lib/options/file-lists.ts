import { z } from 'zod';

/*
 * Schemas of lists and of objects with any keys in files. They stop at the first wrong value: zod's own collect an error
 * of up to several kilobytes for each, and a file of a few megabytes would take all memory.
 */

/**
 * A list of values of the schema.
 *
 * @param error says what is expected, where the value is no list at all
 */
export function listOf<Element extends z.ZodType>(element: Element, error?: string) {
  return z.array(z.unknown(), error).transform((values, context) => {
    const checked: Array<z.output<Element>> = [];
    for (const [index, value] of values.entries()) {
      const { success, data, error } = element.safeParse(value);
      if (!success) return refused(error, index, context);
      checked.push(data);
    }
    return checked;
  });
}

/** An object with values of the schema under any keys. */
export function recordOf<Value extends z.ZodType>(value: Value) {
  return z.record(z.string(), z.unknown()).transform((values, context) => {
    const checked: Array<[string, z.output<Value>]> = [];
    for (const [name, item] of Object.entries(values)) {
      const { success, data, error } = value.safeParse(item);
      if (!success) return refused(error, name, context);
      checked.push([name, data]);
    }
    return Object.fromEntries(checked);
  });
}

function refused(error: z.ZodError, place: PropertyKey, context: z.RefinementCtx): never {
  for (const issue of error.issues)
    context.issues.push({ ...issue, path: [place, ...issue.path], input: undefined });
  return z.NEVER;
}
