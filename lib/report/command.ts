import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { type CommandLine, commandLine, experimentOptions, trainOptions } from '../options.ts';
import type { ReportedRun } from './read-run.ts';

/**
 * The words that give a run its options on the command line, after `torch-tl`: those that differ from the
 * defaults. Null where an option came from a file, which flags cannot say.
 */
export function commandOf({
  experiment,
  options,
}: Pick<ReportedRun, 'experiment' | 'options'>): string[] | null {
  const schema: z.ZodObject = experiment === 'train' ? trainOptions : experimentOptions;
  const words = experiment === 'train' ? ['train'] : ['run', experiment];
  for (const [name, value] of Object.entries(options)) {
    const type = schema.shape[name] as z.ZodType | undefined;
    const declared = type && commandLine.get(type);
    if (!type || !declared) return null;
    if (isDeepStrictEqual(type.safeParse(undefined).data, value)) continue;
    const flag = flagWords(declared, value);
    if (flag === null) return null;
    words.push(...flag);
  }
  return words;
}

/** Words as a POSIX shell takes them. */
export function shellText(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

function flagWords({ flags, off, read }: CommandLine, value: unknown): string[] | null {
  const [flag = ''] = flags.split(' ');
  if (value === false) return [off?.flags ?? flag];
  if (value === true) return [flag];
  if (typeof value === 'string' && (!read || isDeepStrictEqual(read(value), value))) return [flag, value];
  if (typeof value === 'number') return [flag, String(value)];
  const text = listText(value);
  return text !== null && isDeepStrictEqual(read?.(text), value) ? [flag, text] : null;
}

/** Layers, or numbers by name. */
function listText(value: unknown): string | null {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(layerText).join(',');
  if (typeof value !== 'object' || value === null) return null;
  return Object.entries(value)
    .map(([name, number]) => `${name}=${number}`)
    .join(',');
}

function layerText(layer: unknown): string {
  if (typeof layer === 'object' && layer !== null && 'through' in layer) return `through:${layer.through}`;
  return String(layer);
}
