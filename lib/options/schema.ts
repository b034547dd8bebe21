import { resolve } from 'node:path';
import { z } from 'zod';
import { RESIZES } from './resize.ts';

/*
 * Helpers for declaring options. The `error` of a check completes the sentence "epochs must be ...", as in "an integer
 * from 1 to 1000000".
 */

/** The headings of `--help` and docs/options.md, in order. */
export const TOPICS = [
  'Data',
  'Model',
  'Training',
  'Optimiser',
  'Schedule',
  'Regularisation',
  'Search',
  'Processes',
  'Server',
  'Output',
] as const;

/** The form of an option on the command line. */
export interface CommandLine {
  topic: (typeof TOPICS)[number];
  /** The flag in commander's syntax, such as `--epochs <n>`. */
  flags: string;
  description: string;
  /** A second flag, `--no-...`, that sets the option to false. */
  off?: { flags: string; description: string };
  /** Parses the flag's value if it is neither a word nor a number. */
  read?: (text: string) => unknown;
}

export const commandLine = z.registry<CommandLine>();

/** The option that says how images are made square. */
export const resizing = () =>
  z
    .enum([...RESIZES, 'fill'], { error: 'cover, contain or stretch' })
    // sharp calls stretch `fill`.
    .transform((name) => (name === 'fill' ? 'stretch' : name));

export const text = (error: string) => z.string({ error }).min(1, { error });

/** A path, from its check on an absolute one: a program may change its working directory while the work goes on. */
export const path = (error: string) => text(error).transform((given) => resolve(given));

/** Whether, or in which directory, decoded images or features are kept. */
export const cachePlace = (error = 'true, false or a directory') =>
  z.union([z.boolean(), path(error)], { error });

export const flag = () => z.boolean({ error: 'true or false' });

/** An option without its default, for a default that is chosen later. The help shows `note`, which describes it. */
export function without<Type extends z.ZodType>(type: Type, note: string) {
  const declared = commandLine.get(type) as CommandLine;
  const inner = type instanceof z.ZodDefault ? (type.unwrap() as z.ZodType) : type;
  const optional = inner.optional() as z.ZodOptional<Type extends z.ZodDefault<infer Inner> ? Inner : Type>;
  commandLine.add(optional, { ...declared, description: `${declared.description} ${note}` });
  return optional;
}

/** An option without a default of its own, whose help ends with `note` about what happens if it is not given. */
export function described<Type extends z.ZodType>(type: Type, note: string): Type {
  const declared = commandLine.get(type) as CommandLine;
  const same = type.clone();
  const description = `${declared.description.replace(/ \(default: [^)]*\)$/, '')} ${note}`;
  commandLine.add(same, { ...declared, description });
  return same;
}

type Overrides<Shape> = {
  [Name in keyof Shape]: z.ZodOptional<
    Shape[Name] extends z.ZodDefault<infer Inner> ? Inner : Extract<Shape[Name], z.ZodType>
  >;
};

/** The same options without defaults. An option that is not given is absent from the output too. */
export function overrides<Shape extends Record<string, z.ZodType>>(shape: Shape): Overrides<Shape> {
  const fields = Object.entries(shape).map(([name, type]) => [
    name,
    (type instanceof z.ZodDefault ? (type.unwrap() as z.ZodType) : type)
      .optional()
      .describe(type.description ?? commandLine.get(type)?.description ?? ''),
  ]);
  return Object.fromEntries(fields) as Overrides<Shape>;
}
