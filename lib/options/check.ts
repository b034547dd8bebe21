import { z } from 'zod';
import { InputError, invalidArgument } from '../errors.ts';
import { nearest } from '../support/nearest.ts';

/** An AbortSignal that stops the work. */
export const abortSignal = z.instanceof(AbortSignal, { error: 'an AbortSignal' }).optional();

export const callback = <Callback>() =>
  z.custom<Callback>((value) => typeof value === 'function', { error: 'a function' }).optional();

/**
 * Checks options and fills in defaults.
 *
 * @param shown turns an option's name into the one that the caller wrote, such as a flag; by default the name itself
 * @throws InputError `INVALID_ARGUMENT` for the first invalid or unknown option. A nested option is named as in
 *   `recipe[1].learningRate`; for an unknown name the most similar one is suggested.
 */
export function checkOptions<Schema extends z.ZodObject>(
  schema: Schema,
  values: unknown,
  shown: (name: string) => string = (name) => name,
): z.output<Schema> {
  const checked = schema.safeParse(values, { error: phraseOf });
  if (checked.success) return checked.data;
  const issue = mainOf(checked.error.issues);
  if (issue.code === 'unrecognized_keys') {
    const name = pathText([...issue.path, issue.keys[0] as string], shown);
    throw new InputError('INVALID_ARGUMENT', `There is no option '${name}'; ${issue.message}`);
  }
  if (issue.path.length === 0) throw invalidArgument('options', 'an object', values);
  const received = valueAt(values, issue.path);
  throw invalidArgument(pathText(issue.path, shown), issue.message, received, nearestOf(received, issue));
}

/** The phrase for objects; all other schemas declare their own. */
function phraseOf(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'unrecognized_keys') {
    return hint(issue.keys[0] as string, Object.keys((issue.inst as z.ZodObject).shape));
  }
  return issue.code === 'invalid_type' && issue.expected === 'object' ? 'an object' : undefined;
}

function hint(name: string, known: string[]): string {
  const suggestion = nearest(name, known);
  return suggestion ? `did you mean '${suggestion}'?` : `the options are ${known.join(', ')}.`;
}

/** The allowed value that is most similar to the received one, or undefined. */
function nearestOf(received: unknown, issue: z.core.$ZodIssue): string | undefined {
  return typeof received === 'string' ? nearest(received, namesOf(issue)) : undefined;
}

function namesOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'invalid_union') return issue.errors.flat().flatMap(namesOf);
  const names = issue.code === 'invalid_value' ? issue.values : [];
  return names.filter((name) => typeof name === 'string');
}

/** The issue to report: a misspelt name before others, since it explains a missing one. */
function mainOf(issues: z.core.$ZodIssue[]): z.core.$ZodIssue {
  const all = issues.map(innermost);
  return all.find(({ code }) => code === 'unrecognized_keys') ?? (all[0] as z.core.$ZodIssue);
}

/** For a union, the issue inside the alternative that the value matches best; else the issue itself. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue;
  const inside = issue.errors
    .filter((issues) => issues.length > 0)
    .map(mainOf)
    .find(({ code, path }) => path.length > 0 || code === 'unrecognized_keys');
  return inside ? { ...inside, path: [...issue.path, ...inside.path] } : issue;
}

function pathText([first, ...rest]: PropertyKey[], shown: (name: string) => string): string {
  const inner = rest.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`));
  return shown(String(first)) + inner.join('');
}

function valueAt(values: unknown, path: PropertyKey[]): unknown {
  return path.reduce((value, part) => (value as Record<PropertyKey, unknown>)[part], values);
}
