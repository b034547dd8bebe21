import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRecipe } from '../../../lib/options/recipe-file.ts';
import { plainOptions } from '../../../lib/training/checkpoint.ts';
import type { Target } from '../target.ts';

export const target: Target = {
  // A file that is too large is not read at all.
  refusals: ['INVALID_ARGUMENT', 'FILE_UNREADABLE'],
  async read(bytes, directory) {
    const path = join(directory, 'recipe.json');
    writeFileSync(path, bytes);
    const stages = readRecipe(path);
    assert.ok(stages.length > 0);
    for (const { epochs } of stages) assert.ok(Number.isSafeInteger(epochs) && epochs >= 1);
    const copy = join(directory, 'copy.json');
    writeFileSync(copy, JSON.stringify(plainOptions({ formatVersion: 1, stages })));
    assert.deepEqual(readRecipe(copy), stages);
  },
};
