import { join } from 'node:path';
import { InputError } from '../errors.ts';
import { type ExperimentName, experiments } from './paper.ts';
import type { RunResults } from './results.ts';
import { defaultRunDirectory, requireVacant } from './run-directory.ts';
import { type ExperimentOptions, type RunControl, runExperiment } from './run-experiment.ts';

/** The quickest first, so that there is something to see early. */
const ORDER: readonly ExperimentName[] = ['finetune', 'base', 'base-optimized'];

export interface RunAllControl extends RunControl {
  /** Hears which experiment begins, of those that have their place in its directory. */
  onExperiment?: (name: ExperimentName, directory: string) => void;
}

/**
 * Runs the paper's three experiments one after another with the same options, each in a directory of its own in
 * `out`. With `resume` those that are finished are left as they are, and the others go on.
 *
 * @throws InputError `OUTPUT_EXISTS`; `INVALID_ARGUMENT` where `out` is missing to resume; what `runExperiment` throws,
 *   which leaves the runs before it whole
 */
export async function runAll(
  options: ExperimentOptions = {},
  { onExperiment, ...control }: RunAllControl = {},
): Promise<RunResults[]> {
  const root = options.out ?? (control.resume ? missingDirectory() : defaultRunDirectory('all'));
  if (!control.resume) await requireVacant(root);
  const results: RunResults[] = [];
  for (const name of ORDER) {
    const out = join(root, name);
    onExperiment?.(name, out);
    results.push(await runExperiment(name, { ...options, out }, control));
  }
  const places = Object.keys(experiments);
  return results.sort((a, b) => places.indexOf(a.experiment) - places.indexOf(b.experiment));
}

function missingDirectory(): never {
  throw new InputError(
    'INVALID_ARGUMENT',
    'To go on with the experiments their directory must be given: --resume --out DIR.',
  );
}
