import { looseName, normalName } from '../support/names.ts';

/** A part of a data set: for training, for validation, or for the final test. */
export type Part = 'train' | 'valid' | 'test';

/** Words for the parts. */
const WORDS: Record<Part, string> = {
  train: 'train|training|trn',
  valid: 'valid|val|validation|validating|dev|development',
  test: 'test|testing|tst|eval|evaluation|holdout',
};

/** The names that suggest a part to whoever misspelt one. */
export const PART_NAMES: readonly string[] = Object.values(WORDS).flatMap((words) => words.split('|'));

/** Abbreviations, which count only after a word for images: `imagesTr`. */
const SHORT: Record<Part, string> = { train: 'tr', valid: 'va|vl', test: 'ts|te' };

/** Words that may surround the word for a part: `train_images`, `trainset`, `seg_train`, `images-train2017`. */
const NOISE = 'images?|imgs?|images?|photos?|data|datasets?|sets?|splits?|parts?|folder|samples?|seg';

const PATTERNS = (Object.keys(WORDS) as Part[]).map((part) => ({
  part,
  pattern: new RegExp(`^(${NOISE})*(${WORDS[part]})(${NOISE})*$|^(images?|imgs?)(${SHORT[part]})$`),
}));

/**
 * The part of a data set that the name of a folder or split means, ignoring case, digits and signs; null for other
 * names.
 */
export function partOf(name: string): Part | null {
  const letters = normalName(name)
    .toLowerCase()
    .replaceAll(/[^\p{L}]/gu, '');
  return PATTERNS.find(({ pattern }) => pattern.test(letters))?.part ?? null;
}

/** The parts to validate a training with, in order of preference. */
export const VALIDATION_PARTS: readonly Part[] = ['valid', 'test'];

/** The parts to test a trained model with: its best epoch was chosen by the validation images. */
export const TEST_PARTS: readonly Part[] = ['test', 'valid'];

/**
 * Finds the names that match `wanted`: the one with the same spelling, else those that differ in case, else those of
 * the same part.
 *
 * @returns no name, one, or several if the match is ambiguous
 */
export function namesMeant(wanted: string, names: readonly string[]): string[] {
  const part = partOf(wanted);
  const ways: Array<(name: string) => boolean> = [
    (name) => normalName(name) === normalName(wanted),
    (name) => looseName(name) === looseName(wanted),
    (name) => part !== null && partOf(name) === part,
  ];
  for (const way of ways) {
    const meant = names.filter(way);
    if (meant.length > 0) return meant;
  }
  return [];
}
