import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { numberFromText } from '../options/from-text.ts';
import { type CommandLine, checkOptions, commandLine, TOPICS } from '../options/index.ts';

/** Adds the flags of declared options to a command, under the headings of their topics. */
export function addFlags(command: Command, schema: z.ZodObject): Command {
  const fields = fieldsOf(schema);
  for (const topic of TOPICS) {
    for (const field of fields.filter((candidate) => candidate.topic === topic)) addField(command, field);
  }
  return command;
}

/**
 * Reads a command's flags as checked options, with defaults filled in.
 *
 * @throws InputError `INVALID_ARGUMENT`, naming the flag; what reading a file that a flag names throws
 */
export function readFlags<Schema extends z.ZodObject>(command: Command, schema: Schema): z.output<Schema> {
  const fields = fieldsOf(schema);
  const values = given(command, fields).map((field) => [
    field.name,
    fromText(field, command.getOptionValue(field.option.attributeName())),
  ]);
  return checkOptions(schema, Object.fromEntries(values), (name) => {
    const field = fields.find((candidate) => candidate.name === name);
    return field?.option.long ?? name;
  });
}

/**
 * Reads a command's flags as checked options, without defaults: only those that the user set.
 *
 * @throws what `readFlags` throws
 */
export function givenFlags<Schema extends z.ZodObject>(
  command: Command,
  schema: Schema,
): Partial<z.output<Schema>> {
  const checked = readFlags(command, schema) as Record<string, unknown>;
  const names = given(command, fieldsOf(schema)).map(({ name }) => [name, checked[name]]);
  return Object.fromEntries(names) as Partial<z.output<Schema>>;
}

function given(command: Command, fields: Field[]): Field[] {
  return fields.filter(({ option }) => command.getOptionValueSource(option.attributeName()) === 'cli');
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

function addField(command: Command, { type, topic, flags, description, off }: Field): void {
  const { success, data: byDefault } = type.safeParse(undefined);
  const isShown = byDefault !== undefined && typeof byDefault !== 'boolean';
  const option = new Option(flags, description + (isShown ? ` (default: ${byDefault})` : ''));
  command.addOption(option.makeOptionMandatory(!success).helpGroup(`${topic}:`));
  if (off) command.addOption(new Option(off.flags, off.description).helpGroup(`${topic}:`));
}

/** Parses the text of a flag; a flag without text is true or false. */
function fromText({ type, read }: Field, text: unknown): unknown {
  if (typeof text !== 'string') return text;
  if (read) return read(text);
  return type.safeParse(text).success ? text : numberFromText(text);
}
