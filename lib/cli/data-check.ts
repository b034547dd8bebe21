import type { Command } from 'commander';
import type { z } from 'zod';
import type { DataCheck } from '../data/check/check.ts';
import type { Dataset } from '../data/dataset.ts';
import { dataText } from '../experiments/setup-text.ts';
import { requireWritableFile } from '../files/writable.ts';
import { dataCheckRunOptions } from '../options/data-check.ts';
import { DEFAULT_WEIGHTS } from '../options/index.ts';
import { shownJson } from '../support/printable.ts';
import { addDataArgument, requireData } from './data-argument.ts';
import { dataCheckText } from './data-check-text.ts';
import { decodingCallbacks } from './decoding.ts';
import { addExamples } from './examples.ts';
import { addFlags, readFlags } from './flags.ts';
import { interruptible, STOPPING } from './interrupt.ts';
import { print } from './output.ts';
import { type Progress, progressOn, showPass } from './progress.ts';

type Options = Omit<z.output<typeof dataCheckRunOptions>, 'data'>;

/** Side in pixels at which the embedded backbone compares images: it tells twins as well as at larger ones. */
const COMPARED_SIZE = 64;

/** Defines `torch-tl data check`. */
export function defineCheck(data: Command): void {
  const check = data
    .command('check')
    .description(
      'check images and labels before training: counts, formats, broken images, exact and near twins',
    )
    .option('--json', 'print one JSON document; progress goes to stderr');
  addExamples(check, {
    'data check flowers': 'check flowers/<class>/*.jpg, or its folders train/ and valid/',
    'data check list.csv --report check.html': 'check a list, and write a page with the twins side by side',
  });
  addDataArgument(addFlags(check, dataCheckRunOptions), async () => {
    const { data: named, ...options } = readFlags(check, dataCheckRunOptions);
    await showCheck(check, requireData(check, named), options);
  });
}

async function showCheck(command: Command, data: string, options: Options): Promise<void> {
  const { json } = command.opts<{ json?: true }>();
  const progress = progressOn(json ? process.stderr : process.stdout);
  try {
    const found = await interruptible((signal) => check(data, options, progress, signal), STOPPING);
    progress.end();
    print(json ? shownJson({ formatVersion: 1, ...found }) : `\n${dataCheckText(found)}`);
  } finally {
    progress.end();
  }
}

async function check(
  data: string,
  { imageSize, resize, imageCache, seed, weights = DEFAULT_WEIGHTS, device, report, ...options }: Options,
  progress: Progress,
  signal: AbortSignal,
): Promise<DataCheck> {
  const { checkData } = await import('../data/check/check.ts');
  const { openDatasets } = await import('../data/open-datasets.ts');
  const { DenseNet121 } = await import('../densenet121.ts');
  const { requireReplaceable } = await import('../report/report-file.ts');
  if (report !== undefined) {
    await requireWritableFile(report);
    await requireReplaceable(report, '--report');
  }
  const decoding = { imageSize, resize, imageCache, seed, signal, skipCorrupt: true };
  const { train, valid, validation, heldOut } = await openDatasets(data, {
    ...decoding,
    ...decodingCallbacks(progress),
  });
  try {
    const counts = { train: train.count, valid: valid.count };
    progress.line(`Data: ${dataText({ name: train.name, source: train.source, ...counts, validation })}`);
    const model = await DenseNet121.create({
      head: 'linear',
      classes: ['any', 'other'],
      imageSize: COMPARED_SIZE,
      weights,
      device,
      signal,
    });
    try {
      let [phase, since, last] = ['', performance.now(), performance.now()];
      const found = await checkData(train, {
        valid,
        heldOut,
        model: { features: (images, control) => model.features(images, { ...options, ...control }) },
        signal,
        onProgress: (name, done, total) => {
          // A phase begins where the one before it ended.
          if (name !== phase) [phase, since] = [name, last];
          last = performance.now();
          showPass(progress, name, { done, total, seconds: (last - since) / 1000 });
        },
      });
      if (report !== undefined) await writePage(report, found, { train, valid }, progress);
      return found;
    } finally {
      model.dispose();
    }
  } finally {
    train.dispose();
    valid.dispose();
  }
}

async function writePage(
  file: string,
  found: DataCheck,
  sets: { train: Dataset; valid: Dataset },
  progress: Progress,
): Promise<void> {
  const { writeDataReport } = await import('../report/data-report.ts');
  await writeDataReport(found, sets, file);
  progress.line(`Report: ${file}`);
}
