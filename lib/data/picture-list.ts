import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { InputError } from '../errors.ts';
import { unreadable } from '../files.ts';
import { readRegularText } from '../regular-file.ts';
import { indicesOf, namedUnknown } from './labels.ts';
import type { PictureFiles } from './picture-files.ts';

const CSV = /\.csv$/i;
const JSON_LINES = /\.(jsonl|ndjson)$/i;

/** Whether a file is taken for a list of pictures, by its name. */
export function isListName(path: string): boolean {
  return CSV.test(path) || JSON_LINES.test(path);
}

const picture = z.object({
  path: z.string().min(1),
  label: z.union([z.string().min(1), z.number().transform(String)]),
  /** Which part of the data it belongs to, such as `train`; every line has one, or none. */
  split: z.string().min(1).optional(),
});

type ListedPicture = z.output<typeof picture>;

/** A line of a list: what it holds, and where it is. */
interface Line {
  number: number;
  value: unknown;
}

/**
 * The pictures of a list by their splits, or as one, named `null`, where it tells of none: CSV whose first line names the
 * columns `path`, `label` and, if wanted, `split`; or JSON lines with the same fields. Paths are relative to the list.
 *
 * @param known classes that labels shall be indices of; by default the labels' names, sorted
 * @throws InputError `DATA_NOT_FOUND` or `DATA_INVALID`, naming the list and the line
 */
export async function readPictureList(
  list: string,
  known?: readonly string[],
): Promise<Map<string | null, PictureFiles>> {
  const source = resolve(list);
  const pictures = await readLines(source);
  const labels = [...new Set(pictures.map(({ label }) => label))].sort();
  const classes = known ?? labels;
  requireKnown(source, labels, classes);
  const splits = [...new Set(pictures.map(({ split = null }) => split))];
  if (splits.length > 1 && splits.includes(null)) {
    throw new InputError('DATA_INVALID', `${source}: some pictures have a split and some have none.`);
  }
  return new Map(splits.map((split) => [split, filesOf(source, classes, pictures, split)]));
}

function filesOf(
  source: string,
  classes: readonly string[],
  pictures: readonly ListedPicture[],
  wanted: string | null,
): PictureFiles {
  const chosen = pictures.filter(({ split = null }) => split === wanted);
  return {
    source,
    classes,
    files: chosen.map(({ path }) => resolve(dirname(source), path)),
    labels: indicesOf(
      chosen.map(({ label }) => label),
      classes,
    ),
  };
}

async function readLines(source: string): Promise<ListedPicture[]> {
  const text = await readRegularText(source).catch((cause: unknown) => {
    throw unreadable(source, cause, 'DATA_NOT_FOUND');
  });
  const lines = CSV.test(source) ? await csvLines(source, text) : jsonLines(source, text);
  if (lines.length === 0) throw new InputError('DATA_INVALID', `${source} lists no picture.`);
  return lines.map(({ number, value }) => {
    const checked = picture.safeParse(value);
    if (checked.success) return checked.data;
    const fields = checked.error.issues.map(({ path }) => path.join('.') || 'all').join(', ');
    const expected = 'every line needs a path and a label, neither of them empty; a split is a name too';
    throw new InputError(
      'DATA_INVALID',
      `${source}, line ${number}: wrong or missing ${fields}; ${expected}.`,
    );
  });
}

async function csvLines(source: string, text: string): Promise<Line[]> {
  const { CsvError, parse } = await import('csv-parse/sync');
  try {
    const columns = (names: string[]) => requireColumns(source, names);
    const records: unknown = parse(text, {
      bom: true,
      columns,
      info: true,
      skip_empty_lines: true,
      trim: true,
    });
    return (records as Array<{ info: { lines: number }; record: unknown }>).map(({ info, record }) => ({
      number: info.lines,
      value: record,
    }));
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    throw new InputError('DATA_INVALID', `${source} is no well-formed CSV: ${cause.message}.`, { cause });
  }
}

function requireColumns(source: string, names: string[]): string[] {
  if (names.includes('path') && names.includes('label')) return names;
  const expected = 'its first line must name the columns path and label, and may name split';
  throw new InputError('DATA_INVALID', `${source}: ${expected}, not ${names.join(', ')}.`);
}

function jsonLines(source: string, text: string): Line[] {
  const lines = text.split('\n').map((line, index) => ({ number: index + 1, line: line.trim() }));
  return lines
    .filter(({ line }) => line !== '')
    .map(({ number, line }) => {
      try {
        return { number, value: JSON.parse(line) as unknown };
      } catch (cause) {
        const message = `${source}, line ${number}: no JSON: ${(cause as Error).message}.`;
        throw new InputError('DATA_INVALID', message, { cause });
      }
    });
}

function requireKnown(source: string, labels: readonly string[], classes: readonly string[]): void {
  const unknown = namedUnknown(labels, classes);
  if (unknown !== null) throw new InputError('DATA_INVALID', `${source} has unknown labels: ${unknown}`);
}
