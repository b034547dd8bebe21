import { basename, dirname, join } from 'node:path';
import { experiments } from '../experiments/paper.ts';
import type { RunEvent } from '../experiments/run-events.ts';
import { resumeCommand } from '../report/ending.ts';

const PAPER_ORDER = Object.keys(experiments);

/** The reports that a command leaves of the runs that it trained: one in each, and of `run all` one that compares them. */
export class Reports {
  readonly #trained = new Set<string>();
  readonly #finished = new Set<string>();
  #latest: { experiment: string; directory: string } | undefined;

  /** What goes on with the runs: several are so in their common directory. Undefined where there is nothing to go on with. */
  resumeCommand(areSeveral: boolean): string | undefined {
    if (this.#latest === undefined) return undefined;
    const { experiment, directory } = this.#latest;
    return areSeveral ? resumeCommand('all', dirname(directory)) : resumeCommand(experiment, directory);
  }

  hear(event: RunEvent): void {
    if (event.type === 'setup')
      this.#latest = { experiment: event.setup.experiment, directory: event.directory };
    // Until then a run may be refused, and is to stay as it was.
    else if (event.type === 'stage' && this.#latest) this.#trained.add(this.#latest.directory);
    else if (event.type === 'finished') this.#finished.add(event.directory);
  }

  /**
   * Gives the report to look at; undefined where nothing was trained.
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

/** `run all` names directories by experiment. */
function placeOf(directory: string): number {
  return PAPER_ORDER.indexOf(basename(directory));
}
