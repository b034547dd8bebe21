import { resolve } from 'node:path';
import { z } from 'zod';
import { InputError } from '../errors.ts';
import { parseJson } from '../formats/json.ts';
import { isNoText, unreadable } from '../support/files.ts';
import { nearest } from '../support/nearest.ts';
import { readRegularTextSync } from '../support/regular-file.ts';
import { checkOptions } from './check.ts';
import { RECIPE_NAMES, type Stage, stageOptions } from './stage.ts';

const stages = 'a list of at least one stage';
const recipeFile = z.strictObject({
  formatVersion: z.literal(1, { error: '1' }),
  stages: z.array(stageOptions, { error: stages }).min(1, { error: stages }),
});

/** Largest size in bytes, of thousands of stages. A wrong value takes a thousand times its size in errors. */
const LARGEST = 1 << 18;

/**
 * Reads the stages from a recipe's JSON file, `{ "formatVersion": 1, "stages": [...] }`.
 *
 * @throws InputError `FILE_UNREADABLE`, or `INVALID_ARGUMENT` with the file and the invalid value in it
 */
export function readRecipe(path: string): Stage[] {
  const content = parse(read(path), path);
  try {
    return checkOptions(recipeFile, content).stages;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw invalid(path, error.message);
  }
}

/**
 * Parses the value of `--recipe`: the name of a recipe, or the path of a recipe file, whose stages are returned.
 *
 * @throws InputError as `readRecipe`; `INVALID_ARGUMENT` with the most similar name if it looks like a misspelt one
 */
export function recipeFromText(text: string): string | Stage[] {
  if (RECIPE_NAMES.some((name) => name === text)) return text;
  try {
    return readRecipe(text);
  } catch (error) {
    const suggestion = nearest(text, RECIPE_NAMES);
    const isMissing = error instanceof InputError && error.code === 'FILE_UNREADABLE';
    if (!isMissing || suggestion === undefined) throw error;
    throw new InputError('INVALID_ARGUMENT', `${error.message} Did you mean the recipe '${suggestion}'?`);
  }
}

function read(path: string): string {
  try {
    return readRegularTextSync(path, LARGEST);
  } catch (error) {
    throw unreadable(path, error, isNoText(error) ? 'INVALID_ARGUMENT' : undefined);
  }
}

function parse(text: string, path: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw invalid(path, (error as SyntaxError).message);
  }
}

function invalid(path: string, problem: string): InputError {
  return new InputError('INVALID_ARGUMENT', `The recipe ${resolve(path)} cannot be used: ${problem}`);
}
