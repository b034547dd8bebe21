import type { Command } from 'commander';
import { type ExperimentName, experimentName } from '../experiments/paper.ts';
import type { RunResults } from '../experiments/results.ts';
import { experimentOptions } from '../options.ts';
import { addFlags, readFlags } from './flags.ts';
import { interruptible } from './interrupt.ts';

export function registerRun(program: Command): void {
  const command = program
    .command('run')
    .description("run one of the paper's experiments")
    .argument('<experiment>', 'base, base-optimized or finetune', experimentName)
    .option('--json', 'print the results as one JSON document, progress on stderr');
  addFlags(command, experimentOptions).action((experiment: ExperimentName) => run(command, experiment));
}

async function run(command: Command, experiment: ExperimentName): Promise<void> {
  const options = readFlags(command, experimentOptions);
  const { runExperiment } = await import('../experiments/run-experiment.ts');
  const { progressOn } = await import('./progress.ts');
  const { RunProgress } = await import('./run-progress.ts');
  const { json } = command.opts<{ json?: true }>();
  const progress = progressOn(json ? process.stderr : process.stdout);
  const view = new RunProgress(progress);
  let results: RunResults;
  try {
    results = await interruptible((signal) =>
      runExperiment(experiment, options, { signal, onEvent: (event) => view.show(event) }),
    );
  } finally {
    progress.end();
  }
  const { compareWithPaper } = await import('./comparison.ts');
  if (json) console.log(JSON.stringify(results, null, 2));
  else console.log(`\n${compareWithPaper(results)}`);
}
