import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../../lib/errors.ts';
import { readRunConfig, withoutUnusedOf } from '../../../lib/experiments/run-config.ts';
import { runOptions } from '../../../lib/options/index.ts';
import { plainOptions } from '../../../lib/training/checkpoint.ts';
import { checkTraining } from '../../../lib/training/without-validation.ts';
import type { Target } from '../target.ts';

/** The input is the config.json of a run that is to be resumed. */
export const target: Target = {
  refusals: ['RUN_INVALID'],
  async read(bytes, directory) {
    const path = join(directory, 'config.json');
    writeFileSync(path, bytes);
    const config = await readRunConfig(path);
    assert.ok(config !== null);
    const copy = join(directory, 'copy.json');
    writeFileSync(copy, JSON.stringify({ formatVersion: 1, ...config }));
    assert.deepEqual(await readRunConfig(copy), { formatVersion: 1, ...config });
    requireSameOptions(config.options);
  },
};

/** Options that are accepted are the same after they were written and read again; others are refused in words. */
function requireSameOptions(options: Record<string, unknown>): void {
  try {
    const used = withoutUnusedOf({ options });
    const checked = plainOptions(checkTraining(runOptions, used));
    assert.deepEqual(plainOptions(checkTraining(runOptions, checked)), checked);
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== 'INVALID_ARGUMENT') throw error;
  }
}
