import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { layersFromText, pairsFromText } from '../options/from-text.ts';
import { type CommandLine, commandLine, experimentOptions, trainOptions } from '../options/index.ts';
import type { ReportedRun } from './read-run.ts';

/**
 * Returns the command-line arguments, after `torch-tl`, that repeat a run: all options that differ from the defaults.
 * Null if flags cannot express an option, such as a recipe from a file.
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

/** Quotes arguments for a POSIX shell. */
export function shellText(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

function flagWords({ flags, off }: CommandLine, value: unknown): string[] | null {
  const [flag = ''] = flags.split(' ');
  if (value === false) return [off?.flags ?? flag];
  if (value === true) return [flag];
  if (typeof value === 'string' || typeof value === 'number') return [flag, String(value)];
  const text = Array.isArray(value) ? layersText(value) : pairsText(value);
  return text === null ? null : [flag, text];
}

/** A selection of layers as a flag's text; null if no flag can express it. */
function layersText(layers: readonly unknown[]): string | null {
  const text = layers
    .map((layer) =>
      typeof layer === 'object' && layer !== null && 'through' in layer ? `through:${layer.through}` : layer,
    )
    .join(',');
  return isDeepStrictEqual(layersFromText(text || 'none'), layers) ? text || 'none' : null;
}

/** Numbers by name as a flag's text; null if no flag can express them. */
function pairsText(pairs: unknown): string | null {
  const text = Object.entries(pairs ?? {})
    .map(([name, number]) => `${name}=${number}`)
    .join(',');
  return isDeepStrictEqual(pairsFromText(text), pairs) ? text : null;
}
