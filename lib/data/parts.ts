import { looseName, normalName } from '../support/names.ts';

/** A part of a data set: to train with, to validate with, or to test at the end. */
export type Part = 'train' | 'valid' | 'test';

/** What the parts are called, beside their own names. */
const WORDS: Record<Part, string> = {
  train: 'train|training|trn',
  valid: 'valid|val|validation|validating|dev|development',
  test: 'test|testing|tst|eval|evaluation|holdout',
};

/** Short words, which count only after what they are parts of: `imagesTr`. */
const SHORT: Record<Part, string> = { train: 'tr', valid: 'va|vl', test: 'ts|te' };

/** What names of parts say besides: `train_images`, `trainset`, `seg_train`, `images-train2017`. */
const NOISE = 'images?|imgs?|images?|photos?|data|datasets?|sets?|splits?|parts?|folder|samples?|seg';

const PATTERNS = (Object.keys(WORDS) as Part[]).map((part) => ({
  part,
  pattern: new RegExp(`^(${NOISE})*(${WORDS[part]})(${NOISE})*$|^(images?|imgs?)(${SHORT[part]})$`),
}));

/** Which part of a data set a folder or split is by its name, whatever its case, digits and signs; null for any other name. */
export function partOf(name: string): Part | null {
  const letters = normalName(name)
    .toLowerCase()
    .replaceAll(/[^\p{L}]/gu, '');
  return PATTERNS.find(({ pattern }) => pattern.test(letters))?.part ?? null;
}

/** Names by part, of which the first to validate with is called. */
export const VALIDATION_PARTS: readonly Part[] = ['valid', 'test'];

/**
 * The one that is meant by a name: that of the same spelling, else of another case, else the one of the same part.
 *
 * @returns all that may be meant, where it is not one
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
