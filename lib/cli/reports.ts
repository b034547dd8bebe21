import { basename, dirname, join } from 'node:path';
import { experiments } from '../experiments/paper.ts';
import type { RunEvent } from '../experiments/run-events.ts';
import { resumeCommand } from '../report/ending.ts';

const PAPER_ORDER = Object.keys(experiments);

/** Writes a report into each run directory that a command trained, and after `run all` one that compares the runs. */
export class Reports {
  readonly #trained = new Set<string>();
  readonly #finished = new Set<string>();
  #latest: { experiment: string; directory: string } | undefined;

  /**
   * The command that resumes the latest run; undefined if none has started.
   *
   * @param areSeveral whether it resumes all runs in the common directory instead
   */
  resumeCommand(areSeveral: boolean): string | undefined {
    if (this.#latest === undefined) return undefined;
    const { experiment, directory } = this.#latest;
    return areSeveral ? resumeCommand('all', dirname(directory)) : resumeCommand(experiment, directory);
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
    const comparison = join(dirname(last), '..', 'report.html');
    await writeReport(runs, comparison);
    return comparison;
  }
}

/** Place of a run in the order of the paper; `run all` names directories by experiment. */
function placeOf(directory: string): number {
  return PAPER_ORDER.indexOf(basename(directory));
}
