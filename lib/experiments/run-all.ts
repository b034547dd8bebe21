import type { z } from 'zod';
import type { RunAllControlDocs } from '../options/docs.ts';
import { callback, checkOptions, experimentOptions } from '../options/index.ts';
import { type ExperimentName, experiments } from './paper.ts';
import type { RunResults } from './results.ts';
import { withAbsolutePaths } from './run-config.ts';
import { definitionOf } from './run-definition.ts';
import { runControl } from './run-events.ts';
import { type ExperimentOptions, run } from './run-experiment.ts';
import { type PlannedRun, runSeveral } from './several-runs.ts';

/** The quickest first, so that first results come early. */
const ORDER: readonly ExperimentName[] = ['finetune', 'base', 'base-optimized'];

export const runAllControl = runControl.extend({
  onExperiment: callback<(name: ExperimentName, directory: string) => void>().describe(
    'called when an experiment begins, with its directory',
  ),
});

export type RunAllControl = z.input<typeof runAllControl> & RunAllControlDocs;

/**
 * Runs the paper's three experiments one after another with the same options, each in a directory of its own in
 * `out`. With `resume` finished experiments are left as they are, and the others are resumed.
 *
 * @throws InputError `OUTPUT_EXISTS`; `INVALID_ARGUMENT` where `out` is missing to resume; what `runExperiment` throws,
 *   which leaves the runs before it whole
 */
export async function runAll(
  options: ExperimentOptions = {},
  control: RunAllControl = {},
): Promise<RunResults[]> {
  checkOptions(experimentOptions, options);
  const { onExperiment, ...others } = checkOptions(runAllControl, control);
  const several = { name: 'all', planned: async () => ORDER.map(plannedRun) };
  const onRun = ({ experiment }: PlannedRun, directory: string) =>
    onExperiment?.(experiment as ExperimentName, directory);
  return inPaperOrder(await runSeveral(several, withAbsolutePaths(options), { ...others, onRun }));
}

/** The experiments that a name or `all` means, in the order in which they train. */
export function experimentsOf(what: ExperimentName | 'all'): readonly ExperimentName[] {
  return what === 'all' ? ORDER : [what];
}

/** An experiment in a directory of its name. */
export function plannedRun(experiment: ExperimentName): PlannedRun {
  return {
    experiment,
    place: experiment,
    start: (options, control) => run(definitionOf(experiment), options, control),
  };
}

/** Results in the order in which the paper presents the experiments. */
function inPaperOrder(results: readonly RunResults[]): RunResults[] {
  const places = Object.keys(experiments);
  return [...results].sort((a, b) => places.indexOf(a.experiment) - places.indexOf(b.experiment));
}
