import { describe, expect, test } from 'vitest';
import { checkOptions, trainingOptions } from '../../lib/options/index.ts';
import { requireUsed } from '../../lib/training/effects.ts';
import { finalOptions, foldsSummary } from '../../lib/training/folds.ts';
import { epochsOf, stagesOf } from '../../lib/training/recipes.ts';

test('the summary has mean and spread, and the lower median of the best epochs', () => {
  const summary = foldsSummary(
    [
      [3, 0.5, 1.5],
      [9, 0.7, 1.1],
      [4, 0.6, 1.3],
      [8, 0.8, 0.9],
    ].map(([epoch = 0, validAccuracy = 0, validLoss = 0], index) => ({
      fold: index + 1,
      train: 30,
      valid: 10,
      best: { epoch, validAccuracy, validLoss },
      seconds: 1,
    })),
  );
  expect(summary.accuracy.mean).toBeCloseTo(0.65, 12);
  expect(summary.loss.mean).toBeCloseTo(1.2, 12);
  expect(summary.epochs).toBe(4);
});

describe('the training on all images', () => {
  const optionsOf = (given: object) => checkOptions(trainingOptions, given);

  test('has the epochs, and watches no validation loss', () => {
    const { epochs, schedule, earlyStoppingPatience } = finalOptions(optionsOf({ epochs: 30 }), 7);
    expect([epochs, schedule, earlyStoppingPatience]).toEqual([7, 'constant', 'off']);
    expect(finalOptions(optionsOf({ schedule: 'cosine' }), 7).schedule).toBe('cosine');
  });

  test('divides the epochs of a named recipe, which has at least its stages', () => {
    expect(epochsOf(finalOptions(optionsOf({ recipe: 'fine-tune', epochs: 8 }), 6))).toBe(6);
    expect(epochsOf(finalOptions(optionsOf({ recipe: 'gradual', epochs: 8 }), 1))).toBe(3);
  });

  test.each<[string, object, number, number[]]>([
    ['the training', { epochs: 8, warmupEpochs: 4 }, 3, [3]],
    ['a named recipe', { recipe: 'gradual', epochs: 16, warmupEpochs: 4 }, 8, [2, 2, 2]],
    ['stages', { warmupEpochs: 2, recipe: [{ epochs: 3 }, { epochs: 4, warmupEpochs: 3 }] }, 4, [2, 1]],
  ])('ends the warm-ups of %s in time', (_, given, epochs, expected) => {
    const final = finalOptions(optionsOf(given), epochs);
    expect(stagesOf(final).map((stage) => stage.warmupEpochs ?? final.warmupEpochs)).toEqual(expected);
    expect(() => requireUsed({}, final)).not.toThrow();
  });

  test('cuts a list of stages off', () => {
    const recipe = [
      { epochs: 3, schedule: 'plateau' as const },
      { epochs: 5, earlyStoppingPatience: 2 },
      { epochs: 2 },
    ];
    expect(stagesOf(finalOptions(optionsOf({ recipe }), 5))).toEqual([
      { epochs: 3, schedule: 'constant' },
      { epochs: 2, earlyStoppingPatience: 'off' },
    ]);
  });
});
