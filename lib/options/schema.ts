import { z } from 'zod';
import { RESIZES } from './resize.ts';

/*
 * What options are declared with. The `error` of a check is the phrase that says what the value must
 * be: "epochs must be an integer of at least 1".
 */

/** The headings of `--help` and of docs/options.md, in their order. */
export const TOPICS = [
  'Data',
  'Model',
  'Training',
  'Optimiser',
  'Schedule',
  'Regularisation',
  'Search',
  'Output',
] as const;

/** How an option looks on the command line. */
export interface CommandLine {
  topic: (typeof TOPICS)[number];
  /** As commander writes flags, such as `--epochs <n>`. */
  flags: string;
  description: string;
  /** A second flag, `--no-...`, that sets the option to false. */
  off?: { flags: string; description: string };
  /** What the flag's text stands for, where it is neither a word nor a number. */
  read?: (text: string) => unknown;
}

export const commandLine = z.registry<CommandLine>();

/** How images are made square. */
export const resizing = () =>
  z
    .enum([...RESIZES, 'fill'], { error: 'cover, contain or stretch' })
    // sharp's name for it.
    .transform((name) => (name === 'fill' ? 'stretch' : name));

export const text = (error: string) => z.string({ error }).min(1, { error });

/** Where decoded images are kept. */
export const imageCache = (error = 'true, false or a directory') =>
  z.union([z.boolean(), text(error)], { error });

export const flag = () => z.boolean({ error: 'true or false' });

/** An option without its default, where another one is decided on later; `note` says which in the help. */
export function without<Type extends z.ZodType>(type: Type, note: string) {
  const declared = commandLine.get(type) as CommandLine;
  const inner = type instanceof z.ZodDefault ? (type.unwrap() as z.ZodType) : type;
  const optional = inner.optional() as z.ZodOptional<Type extends z.ZodDefault<infer Inner> ? Inner : Type>;
  commandLine.add(optional, { ...declared, description: `${declared.description} ${note}` });
  return optional;
}

/** An option that has no default of its own, with a note that says what is done where it is not given. */
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

/** The same options without defaults: each may be left out, and is then left out of the output too. */
export function overrides<Shape extends Record<string, z.ZodType>>(shape: Shape): Overrides<Shape> {
  const fields = Object.entries(shape).map(([name, type]) => [
    name,
    (type instanceof z.ZodDefault ? (type.unwrap() as z.ZodType) : type)
      .optional()
      .describe(type.description ?? commandLine.get(type)?.description ?? ''),
  ]);
  return Object.fromEntries(fields) as Overrides<Shape>;
}
