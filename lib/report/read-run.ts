import { join, resolve } from 'node:path';
import { z } from 'zod';
import { WARNING_KINDS } from '../data/data-warning.ts';
import { nothingLeftOut } from '../data/left-out.ts';
import type { EpochMetrics } from '../engine/native-training.ts';
import { InputError } from '../errors.ts';
import { bestEpochOf } from '../experiments/best-epoch.ts';
import { noRun } from '../experiments/no-run.ts';
import { experiments } from '../experiments/paper.ts';
import { FORMAT_VERSION, type RunResults, type RunSetup } from '../experiments/results.ts';
import type { ClassSamples } from '../experiments/samples.ts';
import type { ValidationReport } from '../experiments/validation.ts';
import { parseJson, readJsonFile } from '../formats/json.ts';
import { withDerived } from '../model/evaluate.ts';
import { listOf, recordOf } from '../options/file-lists.ts';
import { fileProblem } from '../options/file-problem.ts';
import { MONITORS } from '../options/index.ts';
import { optimizerFields } from '../options/optimizer.ts';
import { scheduleFields } from '../options/schedule.ts';
import { overrides } from '../options/schema.ts';
import { isNoText, unreadable } from '../support/files.ts';
import { readRegularText } from '../support/regular-file.ts';
import { epochList, epochMetrics, resumePoint } from '../training/checkpoint.ts';
import { withBest } from '../training/recorded-epochs.ts';
import { bestOf, secondsOf } from '../training/train.ts';

/** Content of a run directory. */
export interface ReportedRun
  extends RunSetup,
    Omit<RunResults, keyof RunSetup | 'formatVersion' | 'stoppedBecause'> {
  /** Absolute path of the directory. */
  path: string;
  /** Null if the run is still running or its process was killed. */
  stoppedBecause: RunResults['stoppedBecause'] | null;
  /** Options as `config.json` holds them. */
  options: Record<string, unknown>;
  versions: Record<string, string>;
  /** The text of `config.json`. */
  config: string;
  validation: ValidationReport | null;
  /** A few training images of each class; null if the run has kept none. */
  samples: ClassSamples[] | null;
}

const formatVersion = z.literal(FORMAT_VERSION);
const count = z.int().min(0);

const setupFields = {
  experiment: z.enum([...(Object.keys(experiments) as (keyof typeof experiments)[]), 'train']),
  init: z.enum(['pretrained', 'random']),
  started: z.iso.datetime(),
  weights: z.object({ source: z.string(), sha256: z.string().nullable(), trainedOn: z.string().nullable() }),
  dataset: z.object({
    name: z.string(),
    train: count,
    valid: count,
    source: z.string(),
    validation: z.string(),
    skipped: listOf(z.object({ path: z.string(), reason: z.string() })),
    // Runs of earlier versions did not record these three.
    classCounts: listOf(z.object({ name: z.string(), train: count, valid: count })).default([]),
    leftOut: z
      .object({
        hidden: count,
        others: count,
        loose: count,
        unused: listOf(z.string()),
        brokenLinks: listOf(z.string()),
        repeated: listOf(z.string()),
      })
      .default(nothingLeftOut),
    manifest: z.object({ file: z.string(), sha256: z.string() }).nullable().default(null),
  }),
  warnings: listOf(z.object({ kind: z.enum(WARNING_KINDS), message: z.string() })).default([]),
  classes: listOf(z.string()),
  imageSize: count,
  batchSize: count,
  seed: z.number(),
  device: z.string(),
  hardware: z.string(),
  precision: z.enum(['fp32', 'bf16']),
  precisionReason: z.string(),
  libtorch: z.string(),
  // Runs before version 0.2 had one process.
  processes: listOf(z.object({ rank: count, host: z.string(), device: z.string(), hardware: z.string() }))
    .nullable()
    .default(null),
  trainableParameters: count,
  totalParameters: count,
  // Runs before version 0.2 did not record stages.
  stages: listOf(
    z.object({
      name: z.string().nullable(),
      epochs: count,
      trainableParameters: count,
      frozen: listOf(z.string()),
      ...overrides(optimizerFields),
      ...overrides(scheduleFields),
    }),
  ).default([]),
  classWeights: recordOf(z.number()).nullable().default(null),
  monitor: z.enum(MONITORS).nullable().default(null),
};

const configFile = z.object({
  formatVersion,
  ...setupFields,
  options: z.record(z.string(), z.unknown()),
  versions: recordOf(z.string()),
});

const measures = z.object({ loss: z.number(), calibrationError: z.number() });

const spread = z.object({
  mean: z.number(),
  standardDeviation: z.number(),
  interval95: z.tuple([z.number(), z.number()]).nullable(),
});

const foldsOfRun = z.object({
  accuracy: spread,
  loss: spread,
  epochs: count,
  folds: listOf(
    z.object({
      fold: count,
      train: count,
      valid: count,
      best: z.object({ epoch: count, validAccuracy: z.number(), validLoss: z.number() }),
      seconds: z.number(),
    }),
  ),
  outOfFold: z.object({ accuracy: z.number(), loss: z.number(), count }),
});

const resultsFile = z.object({
  formatVersion,
  epochs: epochList,
  seconds: z.object({ total: z.number(), features: z.number(), training: z.number() }),
  imagesPerSecond: z.number(),
  stoppedBecause: z.enum(['epochs', 'early-stopping', 'aborted', 'failed']),
  resumed: listOf(resumePoint),
  // Runs of earlier versions were not calibrated.
  calibration: z
    .object({ temperature: z.number(), isAtLimit: z.boolean(), before: measures, after: measures })
    .nullable()
    .default(null),
  folds: z.exactOptional(foldsOfRun),
  error: z.exactOptional(z.object({ code: z.string(), message: z.string() })),
});

const dataUri = z.string().regex(/^data:image\/(webp|png|jpeg);base64,[A-Za-z0-9+/]+={0,2}$/, {
  error: 'must be a data URI of a WebP, PNG or JPEG image',
});
const guess = z.object({ label: z.string(), probability: z.number() });

const validationFile: z.ZodType<ValidationReport> = z.object({
  formatVersion,
  epoch: count,
  evaluation: z
    .object({
      accuracy: z.number(),
      top5Accuracy: z.number(),
      loss: z.number(),
      calibrationError: z.number(),
      // Earlier versions did not write the bins.
      reliability: listOf(z.object({ confidence: z.number(), accuracy: z.number(), count })).default([]),
      count,
      classes: listOf(z.string()),
      confusion: listOf(listOf(count)),
      perClass: listOf(
        z.object({ label: z.string(), precision: z.number(), recall: z.number(), f1: z.number(), count }),
      ),
    })
    .refine(
      ({ classes, confusion, perClass }) =>
        [confusion, perClass, ...confusion].every(({ length }) => length === classes.length),
      { error: 'must have a row and a column of the confusion matrix, and metrics, for each class' },
    )
    // Earlier versions wrote neither means over the classes nor intervals.
    .transform(withDerived),
  mistakes: listOf(
    z.object({
      source: z.string(),
      label: z.string(),
      top: listOf(guess).refine((top) => top.length > 0, { error: 'must be at least 1' }),
      image: dataUri,
      activation: z.exactOptional(dataUri),
    }),
  ),
  // Runs of earlier versions did not look for them.
  labelIssues: z
    .object({
      count,
      shown: listOf(
        z.object({
          source: z.string(),
          label: z.string(),
          likelierLabel: z.string(),
          probability: z.number(),
          margin: z.number(),
          image: dataUri,
        }),
      ),
    })
    .nullable()
    .default(null),
});

const samplesFile = z.object({
  formatVersion,
  classes: listOf(z.object({ label: z.string(), images: listOf(dataUri) })),
});

/**
 * Reads a run directory, whether or not the run has ended.
 *
 * @throws InputError `RUN_INVALID` if the directory does not hold a run or one of its files is damaged;
 *   `FILE_UNREADABLE`
 */
export async function readRun(directory: string): Promise<ReportedRun> {
  const path = resolve(directory);
  const config = await readAs(configFile, join(path, 'config.json'));
  if (config === null) throw await noRun(directory);
  const outcome = (await readAs(resultsFile, join(path, 'results.json'))) ?? (await unfinished(path));
  return {
    ...config,
    ...outcome,
    path,
    best: outcome.epochs.length > 0 ? bestEpochOf(bestOf(outcome.epochs), config.dataset.valid) : null,
    config: await readRegularText(join(path, 'config.json')),
    validation: await readAs(validationFile, join(path, 'validation.json')),
    samples: (await readAs(samplesFile, join(path, 'samples.json')))?.classes ?? null,
  };
}

/** Results of a run without results.json, from the epochs that it recorded. */
async function unfinished(path: string) {
  const epochs = await readEpochs(join(path, 'epochs.jsonl'));
  const training = secondsOf(epochs);
  return {
    epochs,
    seconds: { total: training, features: 0, training },
    imagesPerSecond: 0,
    stoppedBecause: null,
    resumed: [],
    calibration: null,
  };
}

/** Reads the complete lines; the last line may be incomplete. */
async function readEpochs(file: string): Promise<EpochMetrics[]> {
  let text: string;
  try {
    text = await readRegularText(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw unreadable(file, cause, isNoText(cause) ? 'RUN_INVALID' : undefined);
  }
  const lines = text.split('\n').slice(0, -1);
  const epochs = lines.map((line, index) => {
    const checked = epochMetrics.safeParse(parsed(line));
    if (checked.success) return checked.data;
    throw new InputError(
      'RUN_INVALID',
      `${file} is damaged: line ${index + 1} does not hold the metrics of an epoch.`,
    );
  });
  return withBest(epochs);
}

function parsed(line: string): unknown {
  try {
    return parseJson(line);
  } catch {
    return null;
  }
}

async function readAs<Schema extends z.ZodType>(
  schema: Schema,
  file: string,
): Promise<z.output<Schema> | null> {
  const content = await readJsonFile(file, 'RUN_INVALID');
  if (content === null) return null;
  const checked = schema.safeParse(content);
  if (checked.success) return checked.data;
  throw new InputError(
    'RUN_INVALID',
    `${file} is not a valid file of a run: ${fileProblem(checked.error)}. ` +
      'Check whether another version of torch-tl wrote it or it was edited.',
  );
}
