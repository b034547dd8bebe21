import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkOptions, type Stage, stageOptions, trainingOptions } from '../../lib/options/index.ts';
import { readRecipe, recipeFromText } from '../../lib/options/recipe-file.ts';
import { recipes, spreadLearningRates, stagesOf } from '../../lib/training/recipes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const stages = (options: object): readonly Stage[] => stagesOf(checkOptions(trainingOptions, options));

describe('stagesOf', () => {
  test('gives one stage without a recipe', () => {
    expect(stages({ epochs: 7 })).toEqual([{ epochs: 7 }]);
  });

  test('gives the stages of a list as they are', () => {
    const recipe = [{ epochs: 2, freeze: 'backbone' }, { epochs: 3 }];
    expect(stages({ recipe })).toEqual(recipe);
  });

  test("head freezes the backbone for all the run's epochs", () => {
    expect(stages({ recipe: 'head', epochs: 7 })).toEqual([{ name: 'head', epochs: 7, freeze: 'backbone' }]);
  });

  test("fine-tune is fastai's fine_tune", () => {
    const [head, all] = stages({ recipe: 'fine-tune', epochs: 7, learningRate: 2e-3 });
    expect(head).toEqual({ name: 'head', epochs: 1, freeze: 'backbone', schedule: 'one-cycle' });
    expect(all).toMatchObject({ epochs: 6, freeze: [], learningRate: 1e-3, schedule: 'one-cycle' });
    expect(all?.layerLearningRates?.conv0).toBeCloseTo(1e-5, 12);
    expect(all?.layerLearningRates?.classifier).toBe(1e-3);
  });

  test('gradual unfreezes the last block, then everything', () => {
    expect(stages({ recipe: 'gradual', epochs: 10, learningRate: 1e-3 })).toEqual([
      { name: 'head', epochs: 2, freeze: 'backbone' },
      { name: 'last block', epochs: 2, freeze: { through: 'transition3' } },
      { name: 'all', epochs: 6, freeze: [], learningRate: 1e-5 },
    ]);
  });

  test.each(Object.entries(recipes))('%s uses up the epochs, however few it can do with', (name, recipe) => {
    for (const epochs of [recipe.leastEpochs, recipe.leastEpochs + 1, 32, 33]) {
      const made = stages({ recipe: name, epochs });
      expect(made.reduce((sum, stage) => sum + stage.epochs, 0)).toBe(epochs);
      for (const stage of made) expect(checkOptions(stageOptions, stage)).toEqual(stage);
    }
    if (recipe.leastEpochs === 1) return;
    expect(() => stages({ recipe: name, epochs: recipe.leastEpochs - 1 })).toThrow(
      `epochs must be at least ${recipe.leastEpochs} for the recipe '${name}'`,
    );
  });

  test('refuses a named recipe beside freeze', () => {
    expect(() => stages({ recipe: 'head', freeze: 'conv0' })).toThrow("The recipe 'head' sets freeze itself");
  });
});

describe('spreadLearningRates', () => {
  test('rises by the same factor from the stem over the blocks to the head', () => {
    const rates = spreadLearningRates(1e-5, 1);
    const depths = ['conv0', 'denseblock1', 'denseblock2', 'denseblock3', 'denseblock4', 'classifier'];
    expect(depths.map((name) => Math.log10(rates[name] as number))).toEqual(
      [-5, -4, -3, -2, -1, 0].map((exponent) => expect.closeTo(exponent, 10)),
    );
  });

  test('gives a transition the rate of the block before it, and norm5 that of the last', () => {
    const rates = spreadLearningRates(1e-5, 1e-3);
    expect(rates.norm0).toBe(rates.conv0);
    expect(rates.transition2).toBe(rates.denseblock2);
    expect(rates.norm5).toBe(rates.denseblock4);
  });
});

describe('readRecipe', () => {
  const write = (content: unknown): string => {
    const path = join(temporaryDirectory(), 'recipe.json');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };

  test('gives the stages of a file', () => {
    const stages = [
      { name: 'head', epochs: 2, freeze: { through: 'norm5' } },
      { epochs: 3, freeze: [] },
    ];
    expect(readRecipe(write({ formatVersion: 1, stages }))).toEqual(stages);
  });

  test.each<[string, unknown, string]>([
    ['no JSON', '{\n  "formatVersion": 1,\n  stages\n}', 'line 3, column 3'],
    ['half of it', '{ "formatVersion": 1,', 'it is not JSON'],
    ['a list', [], 'options must be an object'],
    ['another version', { formatVersion: 2, stages: [{ epochs: 1 }] }, 'formatVersion must be 1, not 2'],
    ['no stages', { formatVersion: 1, stages: [] }, 'stages must be a list of at least one stage'],
    [
      'a wrong value',
      { formatVersion: 1, stages: [{ epochs: 1 }, { epochs: 1, learningRate: 'low' }] },
      "stages[1].learningRate must be a number from 1e-12 to 1000000, not 'low'",
    ],
    [
      'a misspelt name',
      { formatVersion: 1, stages: [{ epochs: 1, shedule: 'cosine' }] },
      "There is no option 'stages[0].shedule'; did you mean 'schedule'?",
    ],
  ])('refuses %s, naming the file and the place', (_, content, message) => {
    const path = write(content);
    const refused = expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
    expect(() => readRecipe(path)).toThrow(refused);
    expect(() => readRecipe(path)).toThrow(path);
  });

  test('says which file is not there', () => {
    const path = join(temporaryDirectory(), 'nowhere.json');
    expect(() => readRecipe(path)).toThrow(
      expect.objectContaining({ code: 'FILE_UNREADABLE', message: expect.stringContaining(path) }),
    );
  });
});

test('recipeFromText takes a name before a file, and names the nearest where there is neither', () => {
  expect(recipeFromText('gradual')).toBe('gradual');
  expect(() => recipeFromText('gradul')).toThrow("Did you mean the recipe 'gradual'?");
  expect(() => recipeFromText('mine.json')).toThrow('Cannot read');
});
