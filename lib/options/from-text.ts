import type { LayerSelection } from './layer-selection.ts';

/*
 * Parsers of flag values. A text of another form is returned unchanged, and the option's check then refuses it.
 */

/** Parses a number. */
export function numberFromText(text: string): number | string {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isNaN(number) ? text : number;
}

/** Parses `name=number,name=number` with distinct names, which may contain commas and equals signs. */
export function pairsFromText(text: string): Record<string, number | string> | string {
  const pairs = [...text.matchAll(/(.+?)=([^=,]+)(?:,|$)/gy)];
  const names = pairs.map(([, name = '']) => name.trim());
  const matched = pairs.map(([pair]) => pair).join('');
  if (text === '' || matched !== text || new Set(names).size < names.length) return text;
  return Object.fromEntries(pairs.map(([, , number = ''], index) => [names[index], numberFromText(number)]));
}

/** Parses a comma-separated list of names, patterns and `through:NAME`; `none` is the empty list. */
export function layersFromText(text: string): LayerSelection[] {
  if (text === 'none') return [];
  return text.split(',').map((part) => {
    const name = part.trim();
    return name.startsWith('through:') ? { through: name.slice('through:'.length) } : name;
  });
}
