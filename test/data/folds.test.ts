import { describe, expect, test } from 'vitest';
import { foldsOf } from '../../lib/data/folds.ts';

describe('foldsOf without units', () => {
  test.each([2, 3, 5, 10])('%d folds take every image once, and the same number of each class', (folds) => {
    const labels = labelsOf([folds * 3, folds * 2 + 1, folds + 1, 57]);
    const dealt = foldsOf(labels, undefined, { folds, seed: 1, classes: namesOf(labels) });
    expect(dealt).toHaveLength(labels.length);
    for (const counts of perClass(dealt, labels, folds)) {
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
    const sizes = sizesOf(dealt, folds);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  });

  test('deals the same for the same seed and otherwise for another', () => {
    const labels = labelsOf([20, 20]);
    const dealt = (seed: number) =>
      foldsOf(labels, undefined, { folds: 4, seed, classes: namesOf(labels) }).join();
    expect(dealt(7)).toBe(dealt(7));
    expect(new Set([0, 1, 2, 2 ** 32].map(dealt)).size).toBe(4);
  });
});

describe('foldsOf with units', () => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed))(
    'tears no unit and keeps the classes even, whatever the set (%d)',
    (seed) => {
      const { labels, units, folds, largest } = randomSet(seed);
      const dealt = foldsOf(labels, units, { folds, seed, classes: namesOf(labels) });
      const ofUnit = new Map<number, number>();
      for (const [image, unit] of units.entries()) {
        expect(dealt[image]).toBe(ofUnit.get(unit) ?? dealt[image]);
        ofUnit.set(unit, dealt[image] as number);
      }
      for (const counts of perClass(dealt, labels, folds)) {
        const even = counts.reduce((sum, count) => sum + count, 0) / folds;
        for (const count of counts) expect(Math.abs(count - even)).toBeLessThanOrEqual(largest + 1);
      }
    },
  );

  test('refuses more folds than the smallest class has images', () => {
    const labels = labelsOf([10, 3]);
    expect(() => foldsOf(labels, undefined, { folds: 4, seed: 0, classes: ['cat', 'dog'] })).toThrow(
      "4 folds need at least 4 images of each class, but 'dog' has 3. Use fewer folds",
    );
  });

  test('refuses a class whose images are all of one group', () => {
    const labels = labelsOf([4, 4]);
    const units = Array.from(labels, (label, image) => (label === 1n ? 99 : image));
    expect(() => foldsOf(labels, units, { folds: 2, seed: 0, classes: ['cat', 'dog'] })).toThrow(
      "All images of 'dog' belong to one group",
    );
  });
});

function namesOf(labels: BigInt64Array): string[] {
  return [...new Set(labels)].map(String);
}

/** So many images of each class, one class after the other. */
function labelsOf(counts: readonly number[]): BigInt64Array {
  return BigInt64Array.from(counts.flatMap((count, label) => Array<bigint>(count).fill(BigInt(label))));
}

function singles(labels: BigInt64Array): number[] {
  return [...labels.keys()];
}

/** Images of 2 to 6 classes in units of 1 to 6 images; a unit may hold several classes. */
function randomSet(seed: number) {
  let state = seed * 2654435761 + 1;
  const below = (limit: number) => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * limit);
  };
  const folds = 2 + below(4);
  const classes = 2 + below(5);
  const counts = Array.from({ length: classes }, () => 20 + below(60));
  const labels = labelsOf(counts);
  const size = 1 + below(6);
  const units = singles(labels).sort(() => below(3) - 1);
  const unitOf = new Array<number>(labels.length);
  for (const [place, image] of units.entries()) unitOf[image] = Math.floor(place / size);
  return { labels, units: unitOf, folds, largest: size };
}

/** For each class the number of its images in each fold. */
function perClass(dealt: readonly number[], labels: BigInt64Array, folds: number): number[][] {
  const classes = [...new Set(labels)];
  return classes.map((label) =>
    Array.from(
      { length: folds },
      (_, fold) => dealt.filter((of, image) => of === fold && labels[image] === label).length,
    ),
  );
}

function sizesOf(dealt: readonly number[], folds: number): number[] {
  return Array.from({ length: folds }, (_, fold) => dealt.filter((of) => of === fold).length);
}
