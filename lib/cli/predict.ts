import { buffer } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { z } from 'zod';
import type { SkippedImage } from '../data/decoding/decode-all.ts';
import { InputError } from '../errors.ts';
import { requireWritableDirectory } from '../files/writable.ts';
import { csvPath, csvRow } from '../formats/csv.ts';
import type { Prediction } from '../model/predict.ts';
import { predictRunOptions } from '../options/index.ts';
import { percent } from '../support/format.ts';
import { shownJson } from '../support/printable.ts';
import { addExamples } from './examples.ts';
import { addFlags, givenFlags, readFlags } from './flags.ts';
import { interruptible } from './interrupt.ts';
import { namedImages, STDIN } from './named-images.ts';
import { notice } from './notice.ts';
import { print } from './output.ts';
import { showSkipped } from './skipped.ts';
import { liesIn, SortedCopies } from './sorted-copies.ts';
import { columns } from './table.ts';

/** Number of images that are decoded and classified at a time, or the next larger one of whole batches. */
const GROUP = 256;

const TOP_AS_CSV =
  '--top-k would have no effect with --csv, which has a column for the probability of every class. Leave it out.';

/** The columns of `--csv` beside those of the classes. The last is there only with `--copy-to`. */
const COLUMNS = ['path', 'label', 'index', 'probability'];
const COPY = 'copy';
const PREFIX = 'probability:';

type Options = z.output<typeof predictRunOptions>;
/** A prediction with the path of its image, and of the copy if it was copied. */
type Answer = Prediction & { path: string; copy?: string };

/** Defines `torch-tl predict`. */
export function define(command: Command): void {
  command
    .argument(
      '<image...>',
      'files, folders of images, patterns such as "flowers/**/*.jpg", or - for an image on stdin',
    )
    .option('--json', 'print one JSON document')
    .option('--csv', 'print comma-separated values: a header and one line per image');
  addExamples(command, {
    'predict --weights best.safetensors rose.jpg': 'print the likeliest classes of an image',
    'predict --weights best.safetensors - --json < rose.jpg': 'read an image from stdin, print JSON',
    'predict --weights best.safetensors new --copy-to sorted --threshold 0.9':
      'copy the images to sorted/<class>/, those that may be of another class to sorted/unsure/',
  });
  addFlags(command, predictRunOptions).action(async (named: string[]) => {
    const options = readFlags(command, predictRunOptions);
    const { json, csv } = command.opts<{ json?: true; csv?: true }>();
    if (json && csv) throw new InputError('INVALID_ARGUMENT', 'Give --json or --csv, not both.');
    const isTopAsked = givenFlags(command, predictRunOptions).topK !== undefined;
    if (csv && isTopAsked) throw new InputError('INVALID_ARGUMENT', TOP_AS_CSV);
    await requireSortable(named, options);
    const { answers, classes } = await interruptible((signal) => predict(named, options, signal));
    if (json)
      print(shownJson(answers.map(({ top, ...answer }) => (isTopAsked ? { ...answer, top } : answer))));
    else print(csv ? asCsv(answers, classes) : asText(answers));
  });
}

/**
 * Makes sure that the images can be copied, if they are to be.
 *
 * @throws InputError `INVALID_ARGUMENT` or `WRITE_FAILED`
 */
async function requireSortable(named: string[], { copyTo, threshold }: Options): Promise<void> {
  const refused = (message: string) => new InputError('INVALID_ARGUMENT', message);
  if (copyTo === undefined) {
    if (threshold === undefined) return;
    throw refused('--threshold would have no effect: it needs --copy-to. Leave it out.');
  }
  if (named.includes(STDIN)) {
    throw refused('--copy-to needs files: an image on stdin has no name. Save it, and give its path.');
  }
  await requireWritableDirectory(copyTo);
  const inside = await Promise.all(named.map((name) => liesIn(name, copyTo)));
  if (inside.every(Boolean)) {
    throw refused(
      `--copy-to ${copyTo} would copy nothing: the images lie there already. Give another directory, or leave it out.`,
    );
  }
  for (const [index, name] of named.entries()) {
    if (inside[index] || !(await liesIn(copyTo, name))) continue;
    notice(
      `Warning: ${copyTo} lies in ${name}, so the next call takes the copies for images of ${name} too.`,
    );
  }
}

async function predict(
  named: string[],
  { weights, device, topK, batchSize, precision, threads, kernels, skipCorrupt, copyTo, threshold }: Options,
  signal: AbortSignal,
): Promise<{ answers: Answer[]; classes: readonly string[] }> {
  const paths = await namedImages(named);
  const { DenseNet121 } = await import('../densenet121.ts');
  const model = await DenseNet121.load(weights, { device });
  const copies = copyTo === undefined ? null : new SortedCopies(copyTo, model.classes, threshold ?? 0);
  try {
    const piped = paths.includes(STDIN) ? await buffer(process.stdin) : undefined;
    const answers: Answer[] = [];
    const leftOut: SkippedImage[] = [];
    const size = batchSize * Math.ceil(GROUP / batchSize);
    for (let first = 0; first < paths.length; first += size) {
      const group = paths.slice(first, first + size);
      const images = group.map((path) => (path === STDIN && piped ? piped : path));
      const kept = new Set(group.keys());
      const predictions = await model.predict(images, {
        topK,
        batchSize,
        precision,
        threads,
        kernels,
        signal,
        skipCorrupt: skipCorrupt || copies !== null,
        onSkipped: (skipped) => {
          const named = skipped.map(({ index, reason }) => ({ path: group[index] as string, reason }));
          for (const { index } of skipped) kept.delete(index);
          leftOut.push(...named);
        },
      });
      const places = [...kept];
      for (const [place, prediction] of predictions.entries()) {
        const answer = { ...prediction, path: group[places[place] as number] as string };
        answers.push(copies ? { ...answer, copy: await copies.add(answer, signal) } : answer);
      }
    }
    showSkipped(leftOut);
    return { answers, classes: model.classes };
  } finally {
    // After an interruption too.
    const said = copies?.summary();
    if (said) notice(said);
    model.dispose();
  }
}

function asText(answers: Answer[]): string {
  const rows = answers.map(({ path, top }) => [
    path,
    ...top.map(({ label, probability }) => `${label} ${percent(probability)}`),
  ]);
  const widest = Math.max(0, ...rows.map((row) => row.length));
  return columns(rows, new Array(widest).fill('left'));
}

function asCsv(answers: Answer[], classes: readonly string[]): string {
  const areCopied = answers.some(({ copy }) => copy !== undefined);
  const heading = [...COLUMNS, ...classes.map(columnOf), ...(areCopied ? [COPY] : [])];
  const rows = answers.map(({ path, label, index, probability, probabilities, copy }) => [
    csvPath(path),
    label,
    index,
    probability,
    ...probabilities,
    ...(copy === undefined ? [] : [csvPath(copy)]),
  ]);
  return [heading, ...rows].map(csvRow).join('\n');
}

/** The column of a class. A class may be called as another column, and readers of CSV find columns by their names. */
function columnOf(name: string): string {
  const isTaken = [...COLUMNS, COPY].includes(name) || name.startsWith(PREFIX);
  return isTaken ? `${PREFIX}${name}` : name;
}
