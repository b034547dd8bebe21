import { describe, expect, test } from 'vitest';
import { nearest } from '../../lib/support/nearest.ts';

describe('nearest', () => {
  test.each([
    ['finetun', 'finetune'],
    ['fientune', 'finetune'],
    ['FineTune', 'finetune'],
    ['fine-tune', 'finetune'],
    ['bse', 'base'],
    ['baseoptimised', 'base-optimized'],
  ])('takes %s for %s', (word, meant) => {
    expect(nearest(word, ['base', 'base-optimized', 'finetune'])).toBe(meant);
  });

  test('takes the first of equally near choices', () => {
    expect(nearest('bat', ['cat', 'hat'])).toBe('cat');
  });

  test('finds nothing where nothing is near', () => {
    expect(nearest('predict', ['base', 'finetune'])).toBeUndefined();
    expect(nearest('', ['base'])).toBeUndefined();
    expect(nearest('base', [])).toBeUndefined();
  });
});
