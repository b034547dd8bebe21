import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { InputError, invalidArgument } from '../errors.ts';
import { parseJson } from '../formats/json.ts';
import { isNoText, unreadable } from '../support/files.ts';
import { byName, looseName, normalName } from '../support/names.ts';
import { quoted } from '../support/quoted.ts';
import { readRegularText } from '../support/regular-file.ts';
import type { ImageFiles } from './image-files.ts';
import { indicesOf, unknownClasses } from './labels.ts';
import { nothingLeftOut } from './left-out.ts';
import { namesMeant, type Part, partOf, VALIDATION_PARTS } from './parts.ts';

const CSV = /\.csv$/i;
/** Largest number of characters per line, more than a path may have. csv-parse is slow for very long lines. */
const LONGEST_RECORD = 1 << 16;
const JSON_LINES = /\.(jsonl|ndjson)$/i;

/** Whether a file has the extension of a list of images. */
export function isListName(path: string): boolean {
  return CSV.test(path) || JSON_LINES.test(path);
}

/** The columns that are read. Their names may be in any case. */
const COLUMNS: readonly string[] = ['path', 'label', 'split', 'group'];

/** A name that is a number. JSON.parse rounds larger integers, and different names would become the same one. */
const numericName = z
  .number()
  .refine((value) => !Number.isInteger(value) || Number.isSafeInteger(value))
  .transform(String);

const image = z.object({
  path: z.string().min(1),
  label: z.union([z.string().min(1), numericName]),
  /** The part of the data, such as `train`. Either every line has a split or none has. */
  split: z.string().min(1).optional(),
  /** What the image belongs to, such as a patient; an image without a group is one of its own. */
  group: z.union([z.string(), numericName]).nullish(),
});

type ListedImage = z.output<typeof image> & {
  /** Number of its line, if it has a group. */
  line?: number;
};

/** The value and the number of a line of a list. */
interface Line {
  number: number;
  value: unknown;
}

/**
 * Reads the images of a list by split, or under the key `null` if it has no splits. A list is CSV whose first line
 * names the columns `path`, `label` and optionally `split` and `group`, or JSON lines with these fields. Paths are
 * relative to the list.
 *
 * @param known classes that the labels refer to; by default the distinct labels, sorted
 * @throws InputError `DATA_NOT_FOUND` or `DATA_INVALID` with the list and the line, also for a group in several splits
 */
export async function readImageList(
  list: string,
  known?: readonly string[],
): Promise<Map<string | null, ImageFiles>> {
  const source = resolve(list);
  const images = await readLines(source);
  const labels = [...new Set(images.map(({ label }) => normalName(label)))].sort(byName);
  const classes = known ?? labels;
  requireKnown(source, labels, classes);
  const bySplit = new Map<string | null, { name: string | null; images: ListedImage[] }>();
  for (const image of images) {
    const { split: name = null } = image;
    const key = name === null ? null : looseName(name);
    const split = bySplit.get(key) ?? { name, images: [] };
    bySplit.set(key, split);
    split.images.push(image);
  }
  if (bySplit.size > 1 && bySplit.has(null)) {
    throw new InputError('DATA_INVALID', `${source}: some images have a split and others do not.`);
  }
  requireWholeGroups(source, images);
  return new Map([...bySplit.values()].map(({ name, images }) => [name, filesOf(source, classes, images)]));
}

/** The name of an image's group; null for an empty or missing one. */
function groupOf({ group }: ListedImage): string | null {
  return group ? normalName(group) : null;
}

/** Refuses a list whose splits divide a group: a model would be tested on what it has nearly seen. */
function requireWholeGroups(source: string, images: readonly ListedImage[]): void {
  const first = new Map<string, ListedImage>();
  for (const image of images) {
    const { split, line } = image;
    const group = groupOf(image);
    if (group === null || split === undefined) continue;
    const earlier = first.get(group) ?? image;
    first.set(group, earlier);
    if (looseName(earlier.split as string) === looseName(split)) continue;
    throw new InputError(
      'DATA_INVALID',
      `${source}: the group ${quoted(group)} is in the split ${earlier.split} (line ${earlier.line}) and in the split ` +
        `${split} (line ${line}). Put all images of a group into one split.`,
    );
  }
}

/** The images of a list by the names of its splits, or under `null` if it has none. */
export type Splits = ReadonlyMap<string | null, ImageFiles>;

/** A split, with its name as in the list. */
export interface NamedSplit {
  name: string;
  images: ImageFiles;
}

/**
 * Chooses the splits for training and validation by their names.
 *
 * @param preferred the parts to validate or test with, in order of preference
 * @throws InputError `DATA_INVALID` if several splits fit one purpose
 */
export function splitsByPart(
  source: string,
  splits: Splits,
  preferred: readonly Part[] = VALIDATION_PARTS,
): { train: NamedSplit | null; valid: NamedSplit | null; unused: string[] } {
  const named = [...splits].flatMap(([name, images]) => (name === null ? [] : [{ name, images }]));
  const only = (part: Part): NamedSplit | null => {
    const [first = null, ...more] = named.filter(({ name }) => partOf(name) === part);
    if (more.length === 0) return first;
    const names = [first as NamedSplit, ...more].map(({ name }) => `'${name}'`).join(' and ');
    throw new InputError(
      'DATA_INVALID',
      `${source} has several splits for one purpose: ${names}. Give them the same name.`,
    );
  };
  const train = only('train');
  const valid = preferred.reduce<NamedSplit | null>((found, part) => found ?? only(part), null);
  const unused = named.filter((split) => split !== train && split !== valid).map(({ name }) => name);
  return { train, valid, unused };
}

/**
 * The images of the split with a name, in any case; `null` for a list without splits.
 *
 * @throws InputError `INVALID_ARGUMENT` if no split or several match
 */
export function splitNamed(splits: Splits, wanted: string | null): ImageFiles {
  const names = [...splits.keys()].filter((name) => name !== null);
  const [meant, ...more] = wanted === null ? [null] : namesMeant(wanted, names);
  const images = meant === undefined || more.length > 0 ? undefined : splits.get(meant);
  if (images) return images;
  const expected = splits.has(null) ? 'absent, since the list has no splits' : names.join(' or ');
  throw invalidArgument('split', expected, wanted);
}

function filesOf(source: string, classes: readonly string[], images: readonly ListedImage[]): ImageFiles {
  return {
    source,
    classes,
    files: images.map(({ path }) => resolve(dirname(source), path)),
    labels: indicesOf(
      images.map(({ label }) => label),
      classes,
    ),
    ...(images.some((image) => groupOf(image) !== null) && { groups: images.map(groupOf) }),
    leftOut: nothingLeftOut(),
  };
}

async function readLines(source: string): Promise<ListedImage[]> {
  const text = await readRegularText(source).catch((cause: unknown) => {
    throw unreadable(source, cause, isNoText(cause) ? 'DATA_INVALID' : 'DATA_NOT_FOUND');
  });
  const images = CSV.test(source) ? await csvLines(source, text) : jsonLines(source, text);
  if (images.length === 0) throw new InputError('DATA_INVALID', `${source} lists no images.`);
  return images;
}

/** @throws InputError `DATA_INVALID` with the number of the line */
function checked(source: string, { number, value }: Line): ListedImage {
  const { success, data, error } = image.safeParse(value);
  if (success) return data.group ? { ...data, line: number } : data;
  const fields = error.issues.map(({ path }) => path.join('.') || 'all').join(', ');
  const expected =
    'every line needs a path and a label that are not empty, and may have a split and a group; numbers beyond 2^53 must ' +
    'be in quotes';
  throw new InputError('DATA_INVALID', `${source}, line ${number}: wrong or missing ${fields}; ${expected}.`);
}

async function csvLines(source: string, text: string): Promise<ListedImage[]> {
  const { CsvError, parse } = await import('csv-parse/sync');
  try {
    const columns = (names: string[]) => requireColumns(source, names);
    const images: unknown = parse(text, {
      bom: true,
      max_record_size: LONGEST_RECORD,
      columns,
      // Keeps only the checked fields, which matters for long lists.
      on_record: (value: unknown, { lines }) => checked(source, { number: lines, value }),
      skip_empty_lines: true,
      trim: true,
    });
    return images as ListedImage[];
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    throw new InputError('DATA_INVALID', `${source} is not well-formed CSV: ${cause.message}.`, { cause });
  }
}

function requireColumns(source: string, names: string[]): string[] {
  const columns = names.map(columnOf);
  const repeated = repeatedColumn(columns);
  if (repeated !== undefined) {
    throw new InputError(
      'DATA_INVALID',
      `${source}: its first line names the column ${repeated} more than once.`,
    );
  }
  if (columns.includes('path') && columns.includes('label')) return columns;
  const expected = 'its first line must name the columns path and label, and may name split and group';
  throw new InputError('DATA_INVALID', `${source}: ${expected}, not ${quoted(names.join(', '))}.`);
}

function jsonLines(source: string, text: string): ListedImage[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const number = index + 1;
    // Before it is parsed: the first line of an array over several lines is no JSON.
    if (line.trimStart().startsWith('[')) throw noObject(source, number);
    const value = parsed(source, number, line);
    if (!isObject(value)) throw noObject(source, number);
    requireOnce(source, number, value);
    return [checked(source, { number, value: withKnownNames(value) })];
  });
}

function parsed(source: string, number: number, line: string): unknown {
  try {
    return parseJson(line);
  } catch (cause) {
    // It is one line, whose number in the list is said.
    const message = (cause as SyntaxError).message.replace('line 1, column', 'column');
    throw new InputError('DATA_INVALID', `${source}, line ${number}: ${message}.`, { cause });
  }
}

function noObject(source: string, number: number): InputError {
  return new InputError(
    'DATA_INVALID',
    `${source}, line ${number}: every line must be an object, such as {"path": "rose.jpg", "label": "rose"}. Write a JSON ` +
      'array as one object a line, without its brackets and the commas between the objects.',
  );
}

/** Refuses a line that names a field twice, in different case: only one of its values would count. */
function requireOnce(source: string, number: number, value: object): void {
  const repeated = repeatedColumn(Object.keys(value).map(columnOf));
  if (repeated === undefined) return;
  throw new InputError('DATA_INVALID', `${source}, line ${number}: it has ${repeated} more than once.`);
}

/** The fields of a line, with the names of known columns in lower case. */
function withKnownNames(value: object): object {
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [columnOf(name), field]));
}

function repeatedColumn(names: readonly string[]): string | undefined {
  return COLUMNS.find((column) => names.indexOf(column) !== names.lastIndexOf(column));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function columnOf(name: string): string {
  return COLUMNS.find((column) => column === looseName(name)) ?? name;
}

function requireKnown(source: string, labels: readonly string[], classes: readonly string[]): void {
  const unknown = unknownClasses(labels, classes);
  if (unknown !== null) throw new InputError('DATA_INVALID', `${source} has unknown labels: ${unknown}`);
}
