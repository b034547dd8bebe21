import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import { experimentName } from '../experiments/paper.ts';
import type { RunResults } from '../experiments/results.ts';
import type { RunControl } from '../experiments/run-experiment.ts';
import { experimentOptions } from '../options.ts';
import { addFlags, givenFlags } from './flags.ts';
import { interruptible } from './interrupt.ts';

export function registerRun(program: Command): void {
  const command = program
    .command('run')
    .description("run one of the paper's experiments")
    .argument('[experiment]', 'base, base-optimized or finetune', experimentName)
    .option('--config <file>', 'repeat the run of this config.json; other flags change what they name')
    .option('--resume', 'go on with the run in --out, from its last checkpoint')
    .option('--json', 'print the results as one JSON document, progress on stderr');
  addFlags(command, experimentOptions).action((experiment: string | undefined) =>
    experimentOrConfig(command, experiment),
  );
}

async function experimentOrConfig(command: Command, experiment: string | undefined): Promise<void> {
  const { config } = command.opts<{ config?: string }>();
  const given = givenFlags(command, experimentOptions);
  if (config !== undefined) {
    const { repeat } = await import('../experiments/repeat.ts');
    await showRun(command, (control) => repeat(config, experiment, given, control));
  } else if (experiment !== undefined) {
    const { runExperiment } = await import('../experiments/run-experiment.ts');
    await showRun(command, (control) => runExperiment(experiment, given, control));
  } else {
    throw new InputError(
      'INVALID_ARGUMENT',
      'Say what to run: base, base-optimized or finetune, or --config FILE of an earlier run.',
    );
  }
}

/** Does a run under Ctrl-C, shows what it tells, and prints its results. */
export async function showRun(
  command: Command,
  start: (control: RunControl) => Promise<RunResults>,
): Promise<void> {
  const { progressOn } = await import('./progress.ts');
  const { RunProgress } = await import('./run-progress.ts');
  const { json, resume = false } = command.opts<{ json?: true; resume?: true }>();
  const progress = progressOn(json ? process.stderr : process.stdout);
  const view = new RunProgress(progress);
  let results: RunResults;
  try {
    results = await interruptible((signal) =>
      start({ resume, signal, onEvent: (event) => view.show(event) }),
    );
  } finally {
    progress.end();
  }
  const { resultsText } = await import('./results-text.ts');
  if (json) console.log(JSON.stringify(results, null, 2));
  else console.log(`\n${resultsText(results)}`);
}
