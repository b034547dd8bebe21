import { basename, dirname, join, relative, resolve } from 'node:path';
import { experiments } from '../experiments/paper.ts';
import type { RunEvent } from '../experiments/run-events.ts';
import { resumeCommand, runWords } from '../report/ending.ts';

const PAPER_ORDER = Object.keys(experiments);

/** Writes a report into each run directory that a command trained, and after `run all` one that compares the runs. */
export class Reports {
  readonly #trained = new Set<string>();
  readonly #finished = new Set<string>();
  #latest: { experiment: string; directory: string } | undefined;

  /** The command that resumes the latest run; undefined if none has started. */
  get resumeCommand(): string | undefined {
    if (this.#latest === undefined) return undefined;
    const { experiment, directory } = this.#latest;
    return resumeCommand(runWords(experiment), directory);
  }

  /** Keeps track of the runs by their events. */
  hear(event: RunEvent): void {
    if (event.type === 'setup')
      this.#latest = { experiment: event.setup.experiment, directory: event.directory };
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
    let last: string | undefined;
    for (const directory of this.#trained) {
      last = join(directory, 'report.html');
      await writeReport([directory], last);
    }
    const runs = [...this.#trained, ...this.#finished];
    if (last === undefined || runs.length < 2) return last;
    runs.sort((a, b) => placeOf(a) - placeOf(b));
    const comparison = join(commonDirectory(runs), 'report.html');
    await writeReport(runs, comparison);
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
