import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PROGRESS } from '../experiments/progress-file.ts';
import { isOpen } from '../experiments/run-directory.ts';
import type { RunStatus } from '../experiments/run-status.ts';
import { readJsonFile } from '../formats/json.ts';
import { type ReportedRun, readRun } from '../report/read-run.ts';

/** A run as its directory shows it at a moment. */
export interface WatchedRun {
  run: ReportedRun;
  /** Null for a run of an earlier version, and for a fold, which is a part of its run. */
  status: (RunStatus & { updated: string }) | null;
  /** Whether a process is writing to the directory. */
  isOpen: boolean;
}

const number = z.number();
const pass = { done: number, total: number, secondsLeft: number };

const progressFile = z.object({
  updated: z.string(),
  activity: z.discriminatedUnion('kind', [
    z.object({ kind: z.enum(['preparing', 'finishing', 'ended']) }),
    z.object({ kind: z.enum(['decoding', 'features']), ...pass }),
    z.object({
      kind: z.literal('training'),
      ...{ epoch: number, epochs: number, batch: number, batches: number },
      // JSON has no number for a loss that is not finite.
      ...{ loss: number.nullable().transform((loss) => loss ?? Number.NaN), accuracy: number },
      ...{ imagesPerSecond: number, ...pass },
    }),
  ]),
  fold: z.object({ fold: number.nullable(), folds: number }).nullable(),
  warnings: z.array(z.string()),
});

/**
 * Reads a run. Nothing in its directory is changed.
 *
 * @throws what `readRun` throws
 */
export async function readWatched(directory: string): Promise<WatchedRun> {
  // First: a run that ends in between is found ended.
  const open = isOpen(directory);
  const run = await readRun(directory);
  return { run, status: await readStatus(directory), isOpen: open };
}

/** What a run does now, beside what was read of it before; null once it has begun or ended since. */
export async function readStatusAgain(directory: string, watched: WatchedRun): Promise<WatchedRun | null> {
  if (isOpen(directory) !== watched.isOpen) return null;
  return { ...watched, status: await readStatus(directory) };
}

async function readStatus(directory: string): Promise<WatchedRun['status']> {
  // A power cut may leave an empty one: nothing depends on it.
  const progress = await readJsonFile(join(directory, PROGRESS), 'RUN_INVALID').catch(() => null);
  return progressFile.safeParse(progress).data ?? null;
}

const FILES = ['config.json', 'epochs.jsonl', 'results.json', 'validation.json', 'samples.json', PROGRESS];

/** A text that changes whenever the run has changed. */
export async function signatureOf(directory: string): Promise<string> {
  const states = FILES.map((name) =>
    stat(join(directory, name)).then(
      ({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`,
      () => '-',
    ),
  );
  return `${(await Promise.all(states)).join()} ${isOpen(directory)}`;
}
