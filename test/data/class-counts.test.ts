import { expect, test } from 'vitest';
import { wrap } from '../../lib/cli/wrap.ts';
import { classCounts, dataWarnings } from '../../lib/data/class-counts.ts';
import { nothingLeftOut } from '../../lib/data/left-out.ts';
import { splitPerClass } from '../../lib/data/split.ts';
import { classesText } from '../../lib/experiments/setup-text.ts';

/** So many labels of each class, in turns. */
const labels = (...counts: number[]) =>
  BigInt64Array.from(counts.flatMap((count, label) => Array.from({ length: count }, () => BigInt(label))));

const kindsOf = (names: string[], train: number[], valid: number[]) => {
  const counts = classCounts(names, labels(...train), labels(...valid));
  return dataWarnings(counts, null, nothingLeftOut()).map(({ kind }) => kind);
};

test('classes are counted in their order, those without images too', () => {
  expect(classCounts(['a', 'b', 'c'], labels(3, 0, 1), labels(1, 2))).toEqual([
    { name: 'a', train: 3, valid: 1 },
    { name: 'b', train: 0, valid: 2 },
    { name: 'c', train: 1, valid: 0 },
  ]);
});

test.each([
  [[100, 11], [10, 10], []],
  [[100, 10], [10, 10], ['class-imbalance']],
  [[100, 0], [10, 10], ['class-imbalance']],
  [[40, 40], [10, 9], ['few-validation-images']],
  [
    [400, 4],
    [9, 0],
    ['class-imbalance', 'few-validation-images'],
  ],
] as const)('%j training and %j validation images are warned of as %j', (train, valid, kinds) => {
  expect(kindsOf(['a', 'b'], [...train], [...valid])).toEqual(kinds);
});

test('names that look alike, and those of parts, are warned of', () => {
  expect(kindsOf(['Cat', 'cat'], [20, 20], [10, 10])).toEqual(['similar-classes']);
  expect(kindsOf(['invalid', 'valid'], [20, 20], [10, 10])).toEqual(['class-called-as-part']);
});

test('a class without training images is told, and no remedy that fails', () => {
  const counts = classCounts(['a', 'b'], labels(100, 0), labels(10, 10));
  const [warning] = dataWarnings(counts, null, nothingLeftOut());
  expect(warning?.message).toBe(
    "Some classes have no training images: 'b'; a model cannot learn to predict them.",
  );
});

test('a part whose name is misspelt is warned of, and no other that is not used', () => {
  const unused = ['vlaid', '/data/tets', 'test', '/data/annotations', 'extra'];
  const warnings = dataWarnings([], null, { ...nothingLeftOut(), unused });
  expect(warnings.map(({ kind }) => kind)).toEqual(['misspelt-parts']);
  expect(warnings[0]?.message).toContain(
    "'vlaid' (did you mean 'valid'?), '/data/tets' (did you mean 'test'?).",
  );
});

test('what a fifth of a small class came to is told, as it was drawn', () => {
  const sizes = [1, 2, 3, 4, 5, 10, 100];
  const all = labels(...sizes);
  const [, rest] = splitPerClass(all, 0.8, 0);
  const heldOut = sizes.map((total, label) => ({
    name: `of ${total}`,
    valid: rest.filter((index) => all[index] === BigInt(label)).length,
    total,
  }));
  const [warning] = dataWarnings([], heldOut, nothingLeftOut()).filter(
    ({ kind }) => kind === 'held-out-share',
  );
  const told = [...(warning?.message.matchAll(/'of (\d+)' (\d+) of (\d+)/g) ?? [])].map((match) =>
    Number(match[1]),
  );
  const other = heldOut
    .filter(({ valid, total }) => Math.abs(valid / total - 0.2) > 0.1)
    .map(({ total }) => total);
  expect(told).toEqual(other);
  expect(told).toContain(2);
  expect(told).not.toContain(10);
});

test('a few classes are named, of many the smallest and the largest, in lines of 80 characters', () => {
  const few = classesText(classCounts(['ant', 'bee'], labels(3, 4), labels(1, 2)));
  expect(few).toBe('2 (training + validation images): ant 3+1, bee 4+2');
  const names = Array.from({ length: 200 }, (_, index) => `class-${index}`);
  const many = classesText(
    classCounts(names, labels(...names.map((_, index) => index + 1)), labels(...names.map(() => 2))),
  );
  expect(many).toContain('200, each of 1 (class-0) to 200 (class-199) training');
  expect(many.length).toBeLessThan(200);
  const twenty = classesText(classCounts(names.slice(0, 20), labels(5, 6), labels()));
  for (const line of wrap(`Classes: ${twenty}`, 80).split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(wrap(`Classes: ${twenty}`, 80).replaceAll(/\n +/g, ' ')).toBe(`Classes: ${twenty}`);
});
