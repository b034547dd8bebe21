import { existsSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { experiments } from '../experiments/paper.ts';
import { checkpointIn } from '../experiments/run-directory.ts';
import type { RunEvent } from '../experiments/run-events.ts';
import { resumeCommand, runWords } from '../report/ending.ts';
import { count } from '../support/format.ts';

const PAPER_ORDER = Object.keys(experiments);

/** Writes a report into each run directory that a command trained, and after `run all` one that compares the runs. */
export class Reports {
  readonly #trained = new Set<string>();
  readonly #finished = new Set<string>();
  #latest: { experiment: string; directory: string } | undefined;
  /** Epochs of the latest run that have ended; null while folds are trained. */
  #epochs: number | null = 0;

  /** The command that resumes the latest run; undefined if none has started. */
  get resumeCommand(): string | undefined {
    if (this.#latest === undefined) return undefined;
    const { experiment, directory } = this.#latest;
    return resumeCommand(runWords(experiment), directory);
  }

  /** A sentence that says what is kept of the latest run, if it is stopped; undefined if none has started. */
  get kept(): string | undefined {
    if (this.#latest === undefined) return undefined;
    if (this.#epochs === null) return 'What its folds have trained is kept.';
    if (!existsSync(checkpointIn(this.#latest.directory)))
      return 'It has no checkpoint yet, and begins again when it is resumed.';
    const done = this.#epochs === 1 ? '1 epoch' : `${count(this.#epochs)} epochs`;
    return this.#epochs === 0
      ? 'A checkpoint within the first epoch is kept.'
      : `Kept are ${done}, the best model and a checkpoint.`;
  }

  /** Keeps track of the runs by their events. */
  hear(event: RunEvent): void {
    if (event.type === 'fold') this.#epochs = event.fold === null ? 0 : null;
    else if (event.type === 'resume' && this.#epochs !== null) this.#epochs = event.epoch;
    else if (event.type === 'epoch' && this.#epochs !== null) this.#epochs += 1;
    else if (event.type === 'setup') {
      this.#latest = { experiment: event.setup.experiment, directory: event.directory };
      this.#epochs = 0;
    }
    // Before its first stage a run may still be refused, and then it must stay unchanged.
    else if (event.type === 'stage' && this.#latest) this.#trained.add(this.#latest.directory);
    else if (event.type === 'finished') this.#finished.add(event.directory);
  }

  /**
   * Writes the reports, and returns the path of the one to read; undefined if no run was trained.
   *
   * @throws what `writeReport` throws
   */
  async write(): Promise<string | undefined> {
    const { writeReport } = await import('../report/report.ts');
    const { isReport, REPORT } = await import('../report/report-file.ts');
    let last: string | undefined;
    for (const directory of this.#trained) {
      last = join(directory, REPORT);
      await writeReport([directory], last);
    }
    const runs = [...this.#trained, ...this.#finished];
    if (last === undefined || runs.length < 2) return last;
    runs.sort((a, b) => placeOf(a) - placeOf(b));
    const comparison = join(commonDirectory(runs), REPORT);
    await writeReport(runs, comparison);
    // A report links to what is there: now that all are, to each other and to the comparison.
    for (const directory of runs) {
      const own = join(directory, REPORT);
      if (await isReport(own)) await writeReport([directory], own);
    }
    return comparison;
  }
}

/** The nearest directory that holds all of these. */
function commonDirectory(directories: readonly string[]): string {
  const paths = directories.map((directory) => resolve(directory));
  let common = dirname(paths[0] as string);
  while (paths.some((path) => relative(common, path).startsWith('..'))) common = dirname(common);
  return common;
}

/** Place of a run in the order of the paper; `run all` names directories by experiment. */
function placeOf(directory: string): number {
  return PAPER_ORDER.indexOf(basename(directory));
}
