import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { type CommandLine, checkOptions, commandLine } from '../options.ts';

/** Gives a command the flags of declared options. */
export function addFlags(command: Command, schema: z.ZodObject): Command {
  for (const { type, flags, description } of fieldsOf(schema)) {
    const { success, data: byDefault } = type.safeParse(undefined);
    const isShown = byDefault !== undefined && typeof byDefault !== 'boolean';
    const text = description + (isShown ? ` (default: ${byDefault})` : '');
    if (success) command.option(flags, text);
    else command.requiredOption(flags, text);
  }
  return command;
}

/**
 * The options of a command's flags, checked, with defaults filled in.
 *
 * @throws InputError `INVALID_ARGUMENT`, naming the flag
 */
export function readFlags<Schema extends z.ZodObject>(command: Command, schema: Schema): z.output<Schema> {
  const fields = fieldsOf(schema);
  const given = fields.filter(({ option }) => command.getOptionValueSource(option.attributeName()) === 'cli');
  const values = given.map(({ name, type, option }) => [
    name,
    fromText(type, command.getOptionValue(option.attributeName())),
  ]);
  return checkOptions(schema, Object.fromEntries(values), (name) => {
    const field = fields.find((candidate) => candidate.name === name);
    return field?.option.long ?? name;
  });
}

interface Field extends CommandLine {
  name: string;
  type: z.ZodType;
  option: Option;
}

function fieldsOf(schema: z.ZodObject): Field[] {
  return Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([name, type]) => {
    const declared = commandLine.get(type);
    return declared ? [{ name, type, ...declared, option: new Option(declared.flags) }] : [];
  });
}

/** A flag's text as the option wants it: itself, or the number that it spells. */
function fromText(type: z.ZodType, text: unknown): unknown {
  if (typeof text !== 'string' || type.safeParse(text).success) return text;
  const number = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isNaN(number) ? text : number;
}
