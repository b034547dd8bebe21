import type { NativeHeadLayer } from '../engine/native.ts';
import { InputError, invalidArgument } from '../errors.ts';
import { nearest } from '../support/nearest.ts';
import { below1, checkNumber, integer } from './range.ts';

/**
 * One layer of a head. A head is a list of layers. The first is `globalAveragePool` (1,024 values per image) or
 * `flatten` (1,024 times height times width of the last feature map, channel by channel). The last is a `dense` layer
 * with units `'classes'`, whose outputs are the logits. The `rate` of a dropout layer is the fraction of values that it
 * drops.
 */
export type HeadLayer =
  | { type: 'globalAveragePool' | 'flatten' | 'batchNorm' | 'relu' }
  | { type: 'dense'; units: number | 'classes' }
  | { type: 'dropout'; rate: number };

export type HeadName = keyof typeof HEADS;

const LINEAR: HeadLayer[] = [{ type: 'globalAveragePool' }, { type: 'dense', units: 'classes' }];

/** The named heads: `linear` and those of the paper's three experiments. */
const HEADS = {
  linear: LINEAR,
  base: LINEAR,
  'base-optimized': [
    { type: 'globalAveragePool' },
    { type: 'batchNorm' },
    { type: 'dense', units: 256 },
    { type: 'relu' },
    { type: 'dense', units: 128 },
    { type: 'batchNorm' },
    { type: 'relu' },
    { type: 'dropout', rate: 0.2 },
    { type: 'dense', units: 'classes' },
  ],
  finetune: [
    { type: 'flatten' },
    { type: 'batchNorm' },
    { type: 'dense', units: 256 },
    { type: 'relu' },
    { type: 'batchNorm' },
    { type: 'dense', units: 128 },
    { type: 'relu' },
    { type: 'dropout', rate: 0.2 },
    { type: 'dense', units: 'classes' },
  ],
} satisfies Record<string, HeadLayer[]>;

export const HEAD_NAMES = Object.keys(HEADS) as [HeadName, ...HeadName[]];

/** Ranges of the numbers in a head's layers. Units may also be `'classes'`, the number of classes. */
export const headNumbers = { units: integer(1, 65_536), rate: below1() };

const LAYER_TYPES = ['globalAveragePool', 'flatten', 'batchNorm', 'dense', 'relu', 'dropout'];

/**
 * The layers of a head given by name or as a list, checked and copied.
 *
 * @throws InputError `INVALID_ARGUMENT` with the invalid layer
 */
export function headLayers(head: unknown): HeadLayer[] {
  if (typeof head === 'string') return namedHead(head);
  if (!Array.isArray(head)) throw invalidArgument('head', 'a name or a list of layers', head);
  const layers = head.map(checkedLayer);
  layers.forEach((layer, index) => {
    if (makesVector(layer) === (index === 0)) return;
    throw invalidArgument(
      `head[${index}].type`,
      index === 0
        ? 'globalAveragePool or flatten'
        : 'neither globalAveragePool nor flatten after the first layer',
      layer.type,
    );
  });
  const last = layers.at(-1);
  if (last?.type !== 'dense' || last.units !== 'classes') {
    throw invalidArgument(
      'head',
      "a list that ends with a dense layer of units 'classes'",
      JSON.stringify(head),
    );
  }
  return layers;
}

/** The engine's form of a head for a number of classes. */
export function nativeHead(layers: readonly HeadLayer[], classCount: number): NativeHeadLayer[] {
  return layers.map((layer) =>
    layer.type === 'dense' && layer.units === 'classes'
      ? { type: 'dense', units: classCount }
      : (layer as NativeHeadLayer),
  );
}

function namedHead(name: string): HeadLayer[] {
  if (Object.hasOwn(HEADS, name)) return HEADS[name as HeadName].map((layer) => ({ ...layer }));
  const names = Object.keys(HEADS);
  const suggestion = nearest(name, names);
  throw new InputError(
    'INVALID_ARGUMENT',
    `There is no head '${name}'; ${suggestion ? `did you mean '${suggestion}'? The` : 'the'} named heads are ${names.join(', ')}.`,
  );
}

/** Whether a layer turns the backbone's feature maps into one vector per image. */
function makesVector(layer: HeadLayer): boolean {
  return layer.type === 'globalAveragePool' || layer.type === 'flatten';
}

function checkedLayer(layer: unknown, index: number): HeadLayer {
  const name = `head[${index}]`;
  if (typeof layer !== 'object' || layer === null || !('type' in layer)) {
    throw invalidArgument(name, 'an object with a type', layer);
  }
  switch (layer.type) {
    case 'globalAveragePool':
    case 'flatten':
    case 'batchNorm':
    case 'relu':
      return { type: layer.type };
    case 'dense':
      return {
        type: 'dense',
        units: checkedUnits(`${name}.units`, 'units' in layer ? layer.units : undefined),
      };
    case 'dropout':
      return {
        type: 'dropout',
        rate: checkNumber(`${name}.rate`, headNumbers.rate, 'rate' in layer ? layer.rate : undefined),
      };
    default:
      throw invalidArgument(`${name}.type`, `one of ${LAYER_TYPES.join(', ')}`, layer.type);
  }
}

function checkedUnits(name: string, units: unknown): number | 'classes' {
  return units === 'classes' ? units : checkNumber(name, headNumbers.units, units);
}
