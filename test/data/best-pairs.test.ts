import { expect, test } from 'vitest';
import { BestPairs } from '../../lib/data/check/best-pairs.ts';
import { seededRandom } from '../../lib/support/random.ts';

/** Every pair of `count` images, in an order drawn from a seed, with a likeness of few different values. */
function pairsOf(count: number): [first: number, second: number, likeness: number][] {
  const random = seededRandom(count);
  const pairs = Array.from(
    { length: count * count },
    (_, at) => [Math.floor(at / count), at % count] as const,
  )
    .filter(([first, second]) => first < second)
    .map(([first, second]) => ({
      pair: [first, second, Math.floor(30 * random()) / 30] as const,
      at: random(),
    }));
  return pairs.sort((a, b) => a.at - b.at).map(({ pair }) => [...pair]);
}

test.each([1, 3, 16])('a pair stays if it is among the %i likest of one of its images', (limit) => {
  const count = 40;
  const pairs = pairsOf(count);
  const best = new BestPairs(count, limit);
  for (const pair of pairs) best.add(...pair);
  const expected = new Set<string>();
  for (let image = 0; image < count; image++) {
    const own = pairs
      .filter(([first, second]) => first === image || second === image)
      .map(([first, second, likeness]) => ({ other: first + second - image, likeness }))
      .sort((a, b) => b.likeness - a.likeness || a.other - b.other);
    for (const { other } of own.slice(0, limit))
      expected.add(`${Math.min(image, other)} ${Math.max(image, other)}`);
  }
  // Each once, and the same when asked again.
  for (let time = 0; time < 2; time++)
    expect(Array.from(best, (pair) => pair.join(' ')).sort()).toEqual([...expected].sort());
});

test('all pairs of few images stay', () => {
  const best = new BestPairs(4, 16);
  best.add(0, 3, 1);
  best.add(1, 3, 0.5);
  expect([...best]).toEqual([
    [0, 3],
    [1, 3],
  ]);
});
