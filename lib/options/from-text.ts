import type { LayerSelection } from './layer-selection.ts';

/*
 * What the text of a flag stands for. Text of another form comes back as it is, for the option's
 * check to refuse.
 */

/** The number that a text spells. */
export function numberFromText(text: string): number | string {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isNaN(number) ? text : number;
}

/** `name=number,name=number`, no name twice; a name may have commas and equals signs. */
export function pairsFromText(text: string): Record<string, number | string> | string {
  const pairs = [...text.matchAll(/(.+?)=([^=,]+)(?:,|$)/gy)];
  const names = pairs.map(([, name = '']) => name.trim());
  const matched = pairs.map(([pair]) => pair).join('');
  if (text === '' || matched !== text || new Set(names).size < names.length) return text;
  return Object.fromEntries(pairs.map(([, , number = ''], index) => [names[index], numberFromText(number)]));
}

/** Names or patterns with commas between, `through:NAME` among them; or `none`. */
export function layersFromText(text: string): LayerSelection[] {
  if (text === 'none') return [];
  return text.split(',').map((part) => {
    const name = part.trim();
    return name.startsWith('through:') ? { through: name.slice('through:'.length) } : name;
  });
}
