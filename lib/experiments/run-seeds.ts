import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fromFirst } from '../distributed/processes.ts';
import { InputError } from '../errors.ts';
import { ofShares, type Summary, summaryOf } from '../support/statistics.ts';
import { measuresOf } from './beside-paper.ts';
import { FORMAT_VERSION, type RunResults } from './results.ts';
import { holdsRun } from './run-directory.ts';
import { type PlannedRun, runSeveral, type SeveralControl } from './several-runs.ts';

/** Runs of one experiment that differ in their seed alone. */
export interface SeedsSummary {
  experiment: RunResults['experiment'];
  /** The runs' seeds. */
  seeds: number[];
  /** Validation accuracy of each run, a fraction as `measuresOf` gives it; null if a run has none. */
  accuracy: Summary | null;
  /** Validation loss of each run; null if a run has none. */
  loss: Summary | null;
}

/** Results of the same runs with several seeds. */
export interface SeedsResults {
  formatVersion: typeof FORMAT_VERSION;
  /** One summary per experiment. */
  summaries: SeedsSummary[];
  /** All runs, in the order in which they trained. */
  runs: RunResults[];
}

export interface SeedsControl extends SeveralControl {
  /** Number of runs of each experiment: with `seed`, `seed` + 1, and so on. */
  seeds: number;
}

/**
 * Trains the same runs with several seeds, each in `out`/seed-N. The runs differ in the initial weights, the order of
 * the images, augmentation and dropout, and with own images in the images that are held out for validation.
 *
 * @param runs one run, or several, whose places are then directories within seed-N
 * @throws InputError `CHECKPOINT_MISMATCH` for a directory of other seeds to resume; what `runSeveral` throws
 */
export async function runSeeds(
  name: string,
  runs: readonly PlannedRun[],
  options: Parameters<PlannedRun['start']>[0],
  { seeds, ...control }: SeedsControl,
): Promise<SeedsResults> {
  const planned = async (root: string, processes: Parameters<typeof fromFirst>[0]) => {
    const found = await fromFirst(processes, () => seedsToTrain(root, options.seed, seeds, control.resume));
    return found.flatMap((seed) => runs.map((run) => withSeed(run, seed)));
  };
  const results = await runSeveral({ name, planned }, options, control);
  return { formatVersion: FORMAT_VERSION, summaries: seedsSummaries(results), runs: results };
}

function withSeed(run: PlannedRun, seed: number): PlannedRun {
  return { ...run, place: join(`seed-${seed}`, run.place), own: { seed } };
}

/** The seeds that a resumed directory holds, with those that are missing; else the given one and those after it. */
async function seedsToTrain(root: string, given: number | undefined, seeds: number, resume = false) {
  const begun = resume ? await seedsIn(root) : [];
  const first = given ?? begun[0] ?? 0;
  const wanted = Array.from({ length: seeds }, (_, index) => first + index);
  if (resume && begun.length === 0 && (await holdsRun(root))) throw notSeeds(root);
  if (begun.every((seed) => wanted.includes(seed))) return wanted;
  throw otherSeeds(root, begun, wanted);
}

/** The seeds of the directories seed-N, in ascending order. */
async function seedsIn(root: string): Promise<number[]> {
  const names = await readdir(root).catch((): string[] => []);
  const numbers = names.flatMap((name) => /^seed-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  return numbers.sort((a, b) => a - b);
}

function notSeeds(root: string): InputError {
  const said = (option: string) =>
    `${root} holds a single run, not runs with several seeds. Resume it without ${option}.`;
  return new InputError('CHECKPOINT_MISMATCH', said('`seeds`'), { atCommandLine: said('--seeds') });
}

function otherSeeds(root: string, begun: readonly number[], wanted: readonly number[]): InputError {
  const said = (options: string) =>
    `${root} holds runs with the seeds ${begun.join(', ')}, but these options mean ${wanted.join(', ')}. ` +
    `Resume them with the same ${options}, or with more seeds.`;
  return new InputError('CHECKPOINT_MISMATCH', said('`seed` and `seeds`'), {
    atCommandLine: said('--seed and --seeds'),
  });
}

/** Summaries of the runs of each experiment, in the order of the runs. */
export function seedsSummaries(
  runs: ReadonlyArray<Pick<RunResults, 'experiment' | 'seed'> & Parameters<typeof measuresOf>[0]>,
): SeedsSummary[] {
  const experiments = [...new Set(runs.map(({ experiment }) => experiment))];
  return experiments.map((experiment) => {
    const same = runs.filter((run) => run.experiment === experiment);
    const summary = (figure: 'accuracy' | 'loss') => {
      const values = same.flatMap((run) => measuresOf(run)[figure] ?? []);
      return values.length === same.length ? summaryOf(values) : null;
    };
    const accuracy = summary('accuracy');
    return {
      experiment,
      seeds: same.map(({ seed }) => seed),
      accuracy: accuracy && ofShares(accuracy),
      loss: summary('loss'),
    };
  });
}
