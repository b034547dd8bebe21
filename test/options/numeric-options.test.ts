import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { checkOptions } from '../../lib/options/index.ts';
import type { NumberRange } from '../../lib/options/range.ts';
import { type Leaf, leavesOf, nextTo, SCHEMAS } from '../support/numeric-options.ts';

/*
 * Every number that anyone can give, of every set of options: it is declared with both its ends, taken at both, and
 * refused past them by a message that names the option and the ends.
 */

const ALL = Object.entries(SCHEMAS).map(([name, schema]) => ({ name, schema, leaves: leavesOf(schema) }));

/** Where programs and processors have ends of their own. */
const NOTABLE = [
  ...[-0, 0, 1, -1, 0.5, 1.5, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 3e9, 2 ** 53 - 1, 2 ** 53, 2 ** 63, 1e308],
  ...[-(2 ** 31), -(2 ** 53), -1e308, Number.MIN_VALUE, Number.MAX_VALUE],
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
];

test('all options are found, those inside others too', () => {
  const paths = new Set(ALL.flatMap(({ leaves }) => leaves.map(({ path }) => path)));
  for (const path of [
    ...[
      'threads',
      'seed',
      'batchSize',
      'imageSize',
      'learningRate',
      'topK',
      'limit',
      'limitTrain',
      'units',
      'rate',
    ],
    ...['start', 'steps', 'checkpointMinutes', 'earlyStoppingPatience', 'recipe[0].warmupEpochs'],
    ...[
      'layerLearningRates.classifier',
      'recipe[0].layerLearningRates.classifier',
      'classWeights.classifier',
    ],
    ...['augmentation.mixup', 'augmentation.colorJitter.hue', 'augmentation.randomResizedCrop.ratio[0]'],
  ]) {
    expect(paths).toContain(path);
  }
});

describe.for(ALL)('of $name', ({ schema, leaves }) => {
  test('every number has both ends declared', () => {
    const open = leaves.filter(
      ({ range }) => !(range && range.min < range.max && Number.isFinite(range.max - range.min)),
    );
    expect(open.map(({ path }) => path)).toEqual([]);
  });

  test('every number is taken within its ends and refused past them', () => {
    for (const leaf of leaves) {
      const range = leaf.range as NumberRange;
      const [low, high] = [ends(range, 'min'), ends(range, 'max')];
      for (const inside of [low.inside, high.inside])
        expect(problemOf(schema, leaf, inside), leaf.path).toBeNull();
      for (const outside of [low.outside, high.outside]) expectRefused(schema, leaf, outside);
      for (const value of NOTABLE) {
        if (isIn(range, value)) expect(problemOf(schema, leaf, value), leaf.path).toBeNull();
        else expectRefused(schema, leaf, value);
      }
    }
  });
});

function isIn({ min, max, whole, above, below }: NumberRange, value: number): boolean {
  if (whole && !Number.isInteger(value)) return false;
  return (above ? value > min : value >= min) && (below ? value < max : value <= max);
}

/** The last number that is in, and the next that is out. */
function ends(range: NumberRange, which: 'min' | 'max'): { inside: number; outside: number } {
  const end = range[which];
  const [inwards, outwards] = which === 'min' ? [Infinity, -Infinity] : [-Infinity, Infinity];
  const open = which === 'min' ? range.above : range.below;
  if (open) return { inside: nextTo(end, inwards), outside: end };
  return { inside: end, outside: range.whole ? end + Math.sign(outwards) : nextTo(end, outwards) };
}

/** What is said of an option that holds the number; null where it is taken, whatever else is missing. */
function problemOf(schema: z.ZodObject, { option, holding }: Leaf, value: number): string | null {
  try {
    checkOptions(z.strictObject({ [option]: schema.shape[option] }), { [option]: holding(value) });
    return null;
  } catch (error) {
    expect(error).toMatchObject({ name: 'InputError', code: 'INVALID_ARGUMENT' });
    return (error as Error).message;
  }
}

function expectRefused(schema: z.ZodObject, leaf: Leaf, value: number): void {
  const message = problemOf(schema, leaf, value);
  expect(message, `${leaf.path} of ${value}`).not.toBeNull();
  // Of a pair the whole is named, since which of the two is wrong may lie with the other.
  expect(message).toContain(leaf.path.replace(/\[0\]$/, ''));
  const { min, max } = leaf.range as NumberRange;
  for (const end of [min, max]) expect(message).toContain(String(end));
}
