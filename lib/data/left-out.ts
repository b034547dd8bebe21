import { count, listed } from '../support/format.ts';

/** What lies in the user's folders and is not taken. */
export interface LeftOut {
  /** Hidden files and folders, and what systems put beside files. */
  hidden: number;
  /** Files that are no images by their names' endings. */
  others: number;
  /** Images beside the class folders, which have no class. */
  loose: number;
  /** Paths of folders and splits beside those that are used. */
  unused: string[];
  /** Paths of links that lead nowhere. */
  brokenLinks: string[];
  /** Paths of folders that links have led to before, as one to the folder that it lies in does. */
  repeated: string[];
}

export function nothingLeftOut(): LeftOut {
  return { hidden: 0, others: 0, loose: 0, unused: [], brokenLinks: [], repeated: [] };
}

/** What was left out of several folders together. */
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

/** The same for people, a phrase each. */
export function leftOutTexts(leftOut: LeftOut): string[] {
  const { hidden, others, loose, unused, brokenLinks, repeated } = leftOut;
  const some = (number: number, one: string, more: string) =>
    number === 0 ? [] : [`${count(number)} ${number === 1 ? one : more}`];
  const named = (paths: string[], one: string, more: string) =>
    some(paths.length, one, more).map((text) => `${text} (${listed(paths)})`);
  return [
    ...some(hidden, 'hidden file or folder', 'hidden files and folders'),
    ...some(others, 'file of another kind', 'files of other kinds'),
    ...some(loose, 'image in no class folder', 'images in no class folder'),
    ...named(
      unused,
      'folder or split beside those that are used',
      'folders or splits beside those that are used',
    ),
    ...named(brokenLinks, 'link that leads nowhere', 'links that lead nowhere'),
    ...named(repeated, 'folder that was there already', 'folders that were there already'),
  ];
}
