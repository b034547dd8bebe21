import { count, listed } from '../support/format.ts';

/** Files, folders and links in the user's data that are not used. */
export interface LeftOut {
  /** Number of hidden files and folders, including those that operating systems create. */
  hidden: number;
  /** Number of files without the extension of an image. */
  others: number;
  /** Number of images outside class folders. */
  loose: number;
  /** Paths of folders and names of splits that are neither for training nor for validation. */
  unused: string[];
  /** Paths of broken links. */
  brokenLinks: string[];
  /** Paths of links to folders that were read already, such as a link to a parent folder. */
  repeated: string[];
}

export function nothingLeftOut(): LeftOut {
  return { hidden: 0, others: 0, loose: 0, unused: [], brokenLinks: [], repeated: [] };
}

/** The sum of several records. */
export function leftOutOf(parts: readonly LeftOut[]): LeftOut {
  const sum = nothingLeftOut();
  for (const part of parts) {
    sum.hidden += part.hidden;
    sum.others += part.others;
    sum.loose += part.loose;
    sum.unused.push(...part.unused);
    sum.brokenLinks.push(...part.brokenLinks);
    sum.repeated.push(...part.repeated);
  }
  return sum;
}

/** Phrases for people about everything that is left out. */
export function leftOutTexts(leftOut: LeftOut): string[] {
  const { hidden, others, loose, unused, brokenLinks, repeated } = leftOut;
  const some = (number: number, one: string, more: string) =>
    number === 0 ? [] : [`${count(number)} ${number === 1 ? one : more}`];
  const named = (paths: string[], one: string, more: string) =>
    some(paths.length, one, more).map((text) => `${text} (${listed(paths)})`);
  return [
    ...some(hidden, 'hidden file or folder', 'hidden files and folders'),
    ...some(others, 'file that is not an image', 'files that are not images'),
    ...some(loose, 'image outside class folders', 'images outside class folders'),
    ...named(unused, 'unused folder or split', 'unused folders or splits'),
    ...named(brokenLinks, 'broken link', 'broken links'),
    ...named(repeated, 'link to a folder read already', 'links to folders read already'),
  ];
}
