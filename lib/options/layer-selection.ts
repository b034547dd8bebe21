import { InputError, invalidArgument } from '../errors.ts';
import { nearest } from '../support/nearest.ts';

/**
 * A selection of a model's layers by torchvision's names; those of the backbone with or without `features.`:
 * - a layer or group of layers: `denseblock4`, `features.denseblock4.denselayer1`, `classifier`; `features` and
 *   `backbone` mean the whole backbone;
 * - a pattern in which `*` matches any characters including dots, and `?` matches one: `*.norm1`;
 * - a RegExp, which is matched against the full names of leaf layers;
 * - everything from the stem up to and including a layer or group: `{ through: 'denseblock3' }`.
 */
export type LayerSelection = string | RegExp | { through: string };

const SELECTION = 'names or patterns of layers, RegExps or { through: name }, one by one';

/** The distinct leaf layers of tensors, in the order of the tensors: `features.conv0`, ..., `classifier`. */
export function leafNamesOf(tensorNames: Iterable<string>): string[] {
  return [...new Set(Array.from(tensorNames, (name) => name.slice(0, name.lastIndexOf('.'))))];
}

/**
 * The leaf layers that match any of the selections, in the network's order.
 *
 * @param leafNames all leaf layers of the network, in its order
 * @throws InputError `INVALID_ARGUMENT` for a selection that matches nothing, with the most similar name
 */
export function selectLayers(
  selection: LayerSelection | readonly LayerSelection[],
  leafNames: readonly string[],
): string[] {
  const selected = new Set([selection].flat().flatMap((one) => layersOf(one, leafNames)));
  return leafNames.filter((leaf) => selected.has(leaf));
}

/**
 * The shortest part of a leaf layer's name that a name or pattern matches: in `features.denseblock4.denselayer1.norm1`,
 * `denseblock*` matches `features.denseblock4`. Undefined if it does not match.
 */
export function matchedPart(nameOrPattern: string, leaf: string): string | undefined {
  const name = nameOrPattern === 'backbone' ? 'features' : nameOrPattern;
  const regExp = new RegExp(`^(features\\.)?${name.split('').map(matcherOf).join('')}$`, 's');
  return groupsOf(leaf).find((group) => regExp.test(group));
}

function layersOf(selection: LayerSelection, leafNames: readonly string[]): string[] {
  if (selection instanceof RegExp) {
    return required(
      leafNames.filter((leaf) => leaf.search(selection) >= 0),
      String(selection),
      leafNames,
    );
  }
  const name = typeof selection === 'string' ? selection : selection?.through;
  if (typeof name !== 'string') throw invalidArgument('layers', SELECTION, selection);
  const layers = required(
    leafNames.filter((leaf) => matchedPart(name, leaf) !== undefined),
    name,
    leafNames,
  );
  if (typeof selection === 'string') return layers;
  return leafNames.slice(0, leafNames.indexOf(layers.at(-1) as string) + 1);
}

function required(layers: string[], wanted: string, leafNames: readonly string[]): string[] {
  if (layers.length > 0) return layers;
  const groups = new Set(leafNames.flatMap(groupsOf));
  const short = [...groups].map((group) => group.replace(/^features\./, ''));
  const suggestion = nearest(wanted, [...groups, ...short, 'backbone']);
  const hint = suggestion
    ? `did you mean '${suggestion}'?`
    : "names are torchvision's, such as 'denseblock4' or 'norm5'.";
  throw new InputError('INVALID_ARGUMENT', `The model has no layer '${wanted}'; ${hint}`);
}

/** The groups that contain a leaf layer, widest first, and the leaf itself: `features`, `features.norm5`. */
function groupsOf(leaf: string): string[] {
  const parts = leaf.split('.');
  return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
}

function matcherOf(character: string): string {
  if (character === '*') return '.*';
  if (character === '?') return '.';
  return character.replace(/[\\^$.+()[\]{}|/]/, '\\$&');
}
