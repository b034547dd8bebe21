import { basename } from 'node:path';
import { type Measures, measuresOf } from '../experiments/beside-paper.ts';
import type { ReportedRun } from './read-run.ts';

/** A run with a name that is unique among the compared runs. */
export interface NamedRun {
  name: string;
  run: ReportedRun;
  measures: Measures;
}

/** Names runs by experiment; if that is not unique, by directory name, and else by the whole path. */
export function named(runs: readonly ReportedRun[]): NamedRun[] {
  const candidates = [(run: ReportedRun) => run.experiment, (run: ReportedRun) => basename(run.path)];
  const isUnique = (name: (run: ReportedRun) => string) => new Set(runs.map(name)).size === runs.length;
  const naming = candidates.find(isUnique) ?? ((run: ReportedRun) => run.path);
  return runs.map((run) => ({ name: naming(run), run, measures: measuresOf(run) }));
}
