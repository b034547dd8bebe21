import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { InputError, invalidArgument } from '../errors.ts';
import { unreadable } from '../support/files.ts';
import { byName, looseName, normalName } from '../support/names.ts';
import { quoted } from '../support/quoted.ts';
import { readRegularText } from '../support/regular-file.ts';
import type { ImageFiles } from './image-files.ts';
import { indicesOf, namedUnknown } from './labels.ts';
import { nothingLeftOut } from './left-out.ts';
import { namesMeant, type Part, partOf, VALIDATION_PARTS } from './parts.ts';

const CSV = /\.csv$/i;
/** Characters of a line: more than paths may have. The reader takes long for what has no end. */
const LONGEST_RECORD = 1 << 16;
const JSON_LINES = /\.(jsonl|ndjson)$/i;

/** Whether a file is taken for a list of images, by its name. */
export function isListName(path: string): boolean {
  return CSV.test(path) || JSON_LINES.test(path);
}

/** Those that are read, in whatever case their names are. */
const COLUMNS: readonly string[] = ['path', 'label', 'split'];

const image = z.object({
  path: z.string().min(1),
  label: z.union([z.string().min(1), z.number().transform(String)]),
  /** Which part of the data it belongs to, such as `train`; every line has one, or none. */
  split: z.string().min(1).optional(),
});

type ListedImage = z.output<typeof image>;

/** A line of a list: what it holds, and where it is. */
interface Line {
  number: number;
  value: unknown;
}

/**
 * The images of a list by their splits, or as one, named `null`, where it tells of none: CSV whose first line names the
 * columns `path`, `label` and, if wanted, `split`; or JSON lines with the same fields. Paths are relative to the list.
 *
 * @param known classes that labels shall be indices of; by default the labels' names, sorted
 * @throws InputError `DATA_NOT_FOUND` or `DATA_INVALID`, naming the list and the line
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
    throw new InputError('DATA_INVALID', `${source}: some images have a split and some have none.`);
  }
  return new Map([...bySplit.values()].map(({ name, images }) => [name, filesOf(source, classes, images)]));
}

/** The images of a list by the names of its splits, or by `null`. */
export type Splits = ReadonlyMap<string | null, ImageFiles>;

/** A split, and its name as the list has it. */
export interface NamedSplit {
  name: string;
  images: ImageFiles;
}

/**
 * Which splits of a list are to train and to validate with, by their names.
 *
 * @throws InputError `DATA_INVALID` where there are several for one
 */
export function splitsByPart(
  source: string,
  splits: Splits,
): { train: NamedSplit | null; valid: NamedSplit | null; unused: string[] } {
  const named = [...splits].flatMap(([name, images]) => (name === null ? [] : [{ name, images }]));
  const only = (part: Part): NamedSplit | null => {
    const [first = null, ...more] = named.filter(({ name }) => partOf(name) === part);
    if (more.length === 0) return first;
    const names = [first as NamedSplit, ...more].map(({ name }) => `'${name}'`).join(' and ');
    throw new InputError(
      'DATA_INVALID',
      `${source} has several splits of one kind: ${names}; call them alike.`,
    );
  };
  const train = only('train');
  const valid = VALIDATION_PARTS.reduce<NamedSplit | null>((found, part) => found ?? only(part), null);
  const unused = named.filter((split) => split !== train && split !== valid).map(({ name }) => name);
  return { train, valid, unused };
}

/**
 * The images of the split that a name means, in whatever case; `null` means those of a list without splits.
 *
 * @throws InputError `INVALID_ARGUMENT` where no split or several may be meant
 */
export function splitNamed(splits: Splits, wanted: string | null): ImageFiles {
  const names = [...splits.keys()].filter((name) => name !== null);
  const [meant, ...more] = wanted === null ? [null] : namesMeant(wanted, names);
  const images = meant === undefined || more.length > 0 ? undefined : splits.get(meant);
  if (images) return images;
  const expected = splits.has(null) ? 'none, since the list has no splits' : names.join(' or ');
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
    leftOut: nothingLeftOut(),
  };
}

async function readLines(source: string): Promise<ListedImage[]> {
  const text = await readRegularText(source).catch((cause: unknown) => {
    throw unreadable(source, cause, 'DATA_NOT_FOUND');
  });
  const images = CSV.test(source) ? await csvLines(source, text) : jsonLines(source, text);
  if (images.length === 0) throw new InputError('DATA_INVALID', `${source} lists no image.`);
  return images;
}

/** @throws InputError `DATA_INVALID`, naming the line */
function checked(source: string, { number, value }: Line): ListedImage {
  const { success, data, error } = image.safeParse(value);
  if (success) return data;
  const fields = error.issues.map(({ path }) => path.join('.') || 'all').join(', ');
  const expected = 'every line needs a path and a label, neither of them empty; a split is a name too';
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
      // Of a long list no more than that is kept.
      on_record: (value: unknown, { lines }) => checked(source, { number: lines, value }),
      skip_empty_lines: true,
      trim: true,
    });
    return images as ListedImage[];
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    throw new InputError('DATA_INVALID', `${source} is no well-formed CSV: ${cause.message}.`, { cause });
  }
}

function requireColumns(source: string, names: string[]): string[] {
  const columns = names.map(columnOf);
  const repeated = COLUMNS.find((column) => columns.indexOf(column) !== columns.lastIndexOf(column));
  if (repeated !== undefined) {
    throw new InputError(
      'DATA_INVALID',
      `${source}: its first line names the column ${repeated} more than once.`,
    );
  }
  if (columns.includes('path') && columns.includes('label')) return columns;
  const expected = 'its first line must name the columns path and label, and may name split';
  throw new InputError('DATA_INVALID', `${source}: ${expected}, not ${quoted(names.join(', '))}.`);
}

function jsonLines(source: string, text: string): ListedImage[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const number = index + 1;
    return [checked(source, { number, value: withKnownNames(parsed(source, number, line)) })];
  });
}

function parsed(source: string, number: number, line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new InputError('DATA_INVALID', `${source}, line ${number}: it is not JSON.`, { cause });
  }
}

/** A line's fields, those that are read by their names in lower case. */
function withKnownNames(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [columnOf(name), field]));
}

function columnOf(name: string): string {
  return COLUMNS.find((column) => column === looseName(name)) ?? name;
}

function requireKnown(source: string, labels: readonly string[], classes: readonly string[]): void {
  const unknown = namedUnknown(labels, classes);
  if (unknown !== null) throw new InputError('DATA_INVALID', `${source} has unknown labels: ${unknown}`);
}
