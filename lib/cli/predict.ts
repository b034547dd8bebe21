import { buffer } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { z } from 'zod';
import type { SkippedImage } from '../data/decoding/decode-all.ts';
import { InputError } from '../errors.ts';
import { csvPath, csvRow } from '../formats/csv.ts';
import type { Prediction } from '../model/predict.ts';
import { predictRunOptions } from '../options/index.ts';
import { percent } from '../support/format.ts';
import { shownJson } from '../support/printable.ts';
import { addExamples } from './examples.ts';
import { addFlags, readFlags } from './flags.ts';
import { interruptible } from './interrupt.ts';
import { namedImages, STDIN } from './named-images.ts';
import { print } from './output.ts';
import { showSkipped } from './skipped.ts';
import { columns } from './table.ts';

/** Number of images that are decoded and classified at a time. */
const GROUP = 256;

type Options = z.output<typeof predictRunOptions>;
type Answer = Prediction & { path: string };

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
    'predict --weights best.safetensors images --csv': 'print one line per image of a folder',
    'predict --weights best.safetensors - --json < rose.jpg': 'read an image from stdin, print JSON',
  });
  addFlags(command, predictRunOptions).action(async (named: string[]) => {
    const options = readFlags(command, predictRunOptions);
    const { json, csv } = command.opts<{ json?: true; csv?: true }>();
    if (json && csv) throw new InputError('INVALID_ARGUMENT', 'Give --json or --csv, not both.');
    const { answers, classes } = await interruptible((signal) => predict(named, options, signal));
    if (json) print(shownJson(answers.map(({ top, ...answer }) => answer)));
    else print(csv ? asCsv(answers, classes) : asText(answers));
  });
}

async function predict(
  named: string[],
  { weights, device, topK, batchSize, precision, threads, kernels, skipCorrupt }: Options,
  signal: AbortSignal,
): Promise<{ answers: Answer[]; classes: readonly string[] }> {
  const paths = await namedImages(named);
  const { DenseNet121 } = await import('../densenet121.ts');
  const model = await DenseNet121.load(weights, { device });
  try {
    const piped = paths.includes(STDIN) ? await buffer(process.stdin) : undefined;
    const answers: Answer[] = [];
    const leftOut: SkippedImage[] = [];
    for (let first = 0; first < paths.length; first += GROUP) {
      const group = paths.slice(first, first + GROUP);
      const images = group.map((path) => (path === STDIN && piped ? piped : path));
      const kept = new Set(group.keys());
      const predictions = await model.predict(images, {
        topK,
        batchSize,
        precision,
        threads,
        kernels,
        signal,
        skipCorrupt,
        onSkipped: (skipped) => {
          const named = skipped.map(({ index, reason }) => ({ path: group[index] as string, reason }));
          for (const { index } of skipped) kept.delete(index);
          leftOut.push(...named);
        },
      });
      const places = [...kept];
      answers.push(
        ...predictions.map((answer, place) => ({
          ...answer,
          path: group[places[place] as number] as string,
        })),
      );
    }
    showSkipped(leftOut);
    return { answers, classes: model.classes };
  } finally {
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
  const heading = ['path', 'label', 'index', 'probability', ...classes];
  const rows = answers.map(({ path, label, index, probability, probabilities }) => [
    csvPath(path),
    label,
    index,
    probability,
    ...probabilities,
  ]);
  return [heading, ...rows].map(csvRow).join('\n');
}
