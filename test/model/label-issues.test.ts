import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type LabelIssue, labelIssues } from '../../lib/model/label-issues.ts';
import { packageRoot } from '../../lib/support/package-root.ts';

interface Case {
  probabilities: number[][];
  labels: number[];
  issues: LabelIssue[];
}

const CASES: Record<string, Case> = JSON.parse(
  readFileSync(join(packageRoot, 'test', 'fixtures', 'label-issues.json'), 'utf8'),
);

/** Numbers from 0 to 1 from a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('labels that look wrong', () => {
  test.each(Object.entries(CASES))("are NumPy's: %s", (_, { probabilities, labels, issues }) => {
    expect(labelIssues(probabilities, labels)).toEqual(issues);
  });

  test('are none where every prediction is right and sure', () => {
    const next = random(1);
    for (let set = 0; set < 20; set++) {
      const classes = 2 + Math.floor(next() * 6);
      const labels = Array.from({ length: 1 + Math.floor(next() * 60) }, () => Math.floor(next() * classes));
      const certain = labels.map((label) =>
        Array.from({ length: classes }, (_, index) => +(index === label)),
      );
      expect(labelIssues(certain, labels)).toEqual([]);
      const sure = labels.map((label) =>
        Array.from({ length: classes }, (_, index) => (index === label ? 0.9 : 0.1 / (classes - 1))),
      );
      expect(labelIssues(sure, labels)).toEqual([]);
    }
  });

  test('are less likely than another class, each named once, the largest margin first', () => {
    const next = random(2);
    let found = 0;
    for (let set = 0; set < 50; set++) {
      const classes = 2 + Math.floor(next() * 6);
      const count = 1 + Math.floor(next() * 80);
      const labels = Array.from({ length: count }, () => Math.floor(next() * classes));
      const probabilities = labels.map(() => {
        const powers = Array.from({ length: classes }, () => next() ** 6);
        const sum = powers.reduce((a, b) => a + b);
        return powers.map((power) => power / sum);
      });
      const issues = labelIssues(probabilities, labels);
      found += issues.length;
      expect(new Set(issues.map(({ index }) => index)).size).toBe(issues.length);
      for (const [place, { index, label, likelierLabel, probability, margin }] of issues.entries()) {
        const row = probabilities[index] as number[];
        expect(label).toBe(labels[index]);
        expect(probability).toBe(row[likelierLabel]);
        expect(margin).toBe(probability - (row[label] as number));
        expect(row[label]).toBeLessThan(0.1 * probability);
        expect(margin).toBeLessThanOrEqual(issues[place - 1]?.margin ?? 1);
      }
    }
    expect(found).toBeGreaterThan(100);
  });

  test('are none without images', () => {
    expect(labelIssues([], [])).toEqual([]);
  });

  test('a flipped label among sure predictions is found', () => {
    const labels = Array.from({ length: 40 }, (_, index) => index % 2);
    const probabilities = labels.map((label) => (label === 0 ? [0.97, 0.03] : [0.03, 0.97]));
    labels[5] = 0;
    expect(labelIssues(probabilities, labels)).toEqual([
      { index: 5, label: 0, likelierLabel: 1, probability: 0.97, margin: 0.97 - 0.03 },
    ]);
  });
});
