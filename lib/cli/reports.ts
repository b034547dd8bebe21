import { basename, dirname, join } from 'node:path';
import { experiments } from '../experiments/paper.ts';

const PAPER_ORDER = Object.keys(experiments);

/** The reports that a command leaves of its runs: one in each, and of several one beside them that compares them. */
export class Reports {
  readonly #directories = new Set<string>();

  add(directory: string): void {
    this.#directories.add(directory);
  }

  /**
   * Gives the report to look at; undefined where no run got as far as to have a directory.
   *
   * @throws what `writeReport` throws
   */
  async write(): Promise<string | undefined> {
    const { writeReport } = await import('../report/report.ts');
    let last: string | undefined;
    for (const directory of this.#directories) {
      last = join(directory, 'report.html');
      await writeReport([directory], last);
    }
    if (this.#directories.size < 2) return last;
    const runs = [...this.#directories].sort((a, b) => placeOf(a) - placeOf(b));
    const comparison = join(dirname(String(runs[0])), 'report.html');
    await writeReport(runs, comparison);
    return comparison;
  }
}

/** `run all` names directories by experiment. */
function placeOf(directory: string): number {
  return PAPER_ORDER.indexOf(basename(directory));
}
