import { basename } from 'node:path';
import { type Measures, measuresOf } from '../experiments/beside-paper.ts';
import type { ReportedRun } from './read-run.ts';

/** A run under the name that it has among the others. */
export interface NamedRun {
  name: string;
  run: ReportedRun;
  measures: Measures;
}

/** By experiment, by directory where there are several of one, by the whole path where those are the same too. */
export function named(runs: readonly ReportedRun[]): NamedRun[] {
  const candidates = [(run: ReportedRun) => run.experiment, (run: ReportedRun) => basename(run.path)];
  const isUnique = (name: (run: ReportedRun) => string) => new Set(runs.map(name)).size === runs.length;
  const naming = candidates.find(isUnique) ?? ((run: ReportedRun) => run.path);
  return runs.map((run) => ({ name: naming(run), run, measures: measuresOf(run) }));
}
