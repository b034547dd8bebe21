import type { EpochMetrics } from '../../lib/index.ts';
import { freePort } from '../support/free-port.ts';
import { type Rank, type RankOptions, startProgram } from './ranks.ts';

/** A training that every process of a job does alike. */
export interface Job {
  /** Numbers of training and validation images of the embedded sample. */
  images?: { train: number; valid: number };
  model?: { head?: string; imageSize?: number; device?: string };
  options?: Record<string, unknown>;
  /** JavaScript that runs after every batch. */
  onBatch?: string;
  /** More JavaScript, with `model`, `train`, `valid`, `rank` and `say`, after the training. */
  afterwards?: string;
}

/** What a process says of its training. */
export interface Trained {
  epochs: EpochMetrics<number>[];
  best: number;
  stoppedBecause: string;
  /** SHA-256 of the saved model. */
  weights: string;
  /** What `afterwards` has said. */
  said: unknown[];
}

const modules = (path: string) => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);

/** The program of one process. */
export function programOf({
  images = { train: 50, valid: 21 },
  model = {},
  options = {},
  onBatch = '',
  afterwards = '',
}: Job): string {
  return `
    import { createHash } from 'node:crypto';
    import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
    import { tmpdir } from 'node:os';
    import { join } from 'node:path';
    import { Dataset, DenseNet121 } from ${modules('index.js')};
    import { failJob } from ${modules('distributed/join.js')};
    const rank = Number(process.env.RANK ?? 0);
    const said = [];
    const say = (value) => said.push(value);
    const stop = new AbortController();
    process.on('SIGTERM', () => stop.abort(new Error('terminated')));
    const directory = mkdtempSync(join(tmpdir(), 'torch-tl-rank-'));
    try {
      const { train, valid } = await Dataset.cifar10('sample', ${JSON.stringify(images)});
      const model = await DenseNet121.create({ head: 'linear', imageSize: 32, ...${JSON.stringify(model)}, classes: train.classes });
      const run = model.fit(train, {
        valid, precision: 'fp32', threads: 1, batchSize: 16, collectiveTimeout: 60, joinTimeout: 60, signal: stop.signal,
        ...${JSON.stringify('recipe' in options ? options : { epochs: 2, ...options })},
        onBatch: ({ epoch, batch }) => {
          console.log('epoch ' + epoch + ' batch ' + batch);
          ${onBatch}
        },
        onFeatures: () => console.log('features'),
      });
      const { epochs, best, stoppedBecause } = await run.result;
      await model.save(join(directory, 'model'));
      const weights = createHash('sha256').update(readFileSync(join(directory, 'model'))).digest('hex');
      ${afterwards}
      console.log('RESULT ' + JSON.stringify({ epochs, best: best.epoch, stoppedBecause, weights, said }));
    } catch (error) {
      await failJob(error);
      console.log('ERROR ' + (error.code ?? error.name) + ': ' + error.message);
      process.exitCode = 1;
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }`;
}

/** Options of all processes, and what a process has for itself. */
export interface JobOptions extends Partial<RankOptions> {
  envOf?: (rank: number) => Record<string, string>;
  jobOf?: (rank: number) => Job;
}

/** Starts a job in one or several processes. */
export async function startJob(size: number, job: Job, options: JobOptions = {}): Promise<Rank[]> {
  const { envOf = () => ({}), jobOf = () => job, ...rest } = options;
  const port = options.port ?? (await freePort());
  return Array.from({ length: size }, (_, rank) => {
    const env = { ...options.env, ...envOf(rank) };
    return startProgram(rank, programOf(jobOf(rank)), { ...rest, env, size, port });
  });
}

/** Runs a job; gives what each process says at its end. */
export async function runJob(size: number, job: Job, options: JobOptions = {}): Promise<Trained[]> {
  const ranks = await startJob(size, job, options);
  await Promise.all(ranks.map((rank) => rank.ended()));
  return ranks.map(resultOf);
}

export function resultOf(rank: Rank): Trained {
  const line = /^RESULT (.*)$/m.exec(rank.output())?.[1];
  if (line === undefined) throw new Error(rank.output());
  return JSON.parse(line) as Trained;
}

/** The losses and accuracies of all epochs. */
export function numbersOf({ epochs }: Trained): number[] {
  return epochs.flatMap(({ trainLoss, validLoss, trainAccuracy, validAccuracy }) => [
    trainLoss,
    validLoss,
    trainAccuracy,
    validAccuracy,
  ]);
}
