import type { Command } from 'commander';
import type { z } from 'zod';
import { InputError } from '../errors.ts';
import { type ExperimentName, experimentNameOrAll } from '../experiments/paper.ts';
import { experimentOptions } from '../options/index.ts';
import { addExamples } from './examples.ts';
import { addFlags, givenFlags } from './flags.ts';
import { addSeeds, givenSeeds } from './seeds.ts';
import { addProcesses, inProcesses } from './shared-work.ts';
import { showAll, showRun, showSeeds } from './show-runs.ts';
import { addWatch } from './watch-flag.ts';

/** Defines `torch-tl run`. */
export function define(command: Command): void {
  command
    .argument('[experiment]', 'base, base-optimized, finetune or all', experimentNameOrAll)
    .option('--config <file>', 'repeat the run of this config.json; other flags override its options')
    .option('--resume', 'resume the run in --out from its last checkpoint')
    .option('--json', 'print the results as one JSON document; progress goes to stderr');
  addExamples(command, {
    'run finetune': 'train on embedded images of CIFAR-10, with a frozen backbone',
    'run base --out runs/base': 'train all layers, on all of CIFAR-10 if it has been downloaded',
    'run finetune --seeds 5': 'train five times, with seeds 0 to 4, and show mean and spread',
  });
  addWatch(addProcesses(addSeeds(addFlags(command, experimentOptions)))).action(
    (what: ExperimentName | 'all' | undefined) => inProcesses(command, () => run(command, what)),
  );
}

async function run(command: Command, what: ExperimentName | 'all' | undefined): Promise<void> {
  const { config } = command.opts<{ config?: string }>();
  const given = givenFlags(command, experimentOptions);
  const seeds = givenSeeds(command);
  if (config !== undefined) return repeatConfig(command, config, what, given, seeds);
  if (what === undefined) {
    throw new InputError(
      'INVALID_ARGUMENT',
      'No experiment is given. Name base, base-optimized, finetune or all, or repeat a run with --config FILE.',
    );
  }
  if (seeds !== undefined) {
    const { experimentsOf, plannedRun } = await import('../experiments/run-all.ts');
    const runs = what === 'all' ? experimentsOf(what).map(plannedRun) : [{ ...plannedRun(what), place: '' }];
    await showSeeds(command, ['run', what], runs, { given, seeds });
  } else if (what === 'all') await showAll(command, given);
  else {
    const { runExperiment } = await import('../experiments/run-experiment.ts');
    await showRun(command, (control) => runExperiment(what, given, control));
  }
}

async function repeatConfig(
  command: Command,
  config: string,
  what: ExperimentName | 'all' | undefined,
  given: Partial<z.output<typeof experimentOptions>>,
  seeds: number | undefined,
): Promise<void> {
  if (what === 'all' || seeds !== undefined) {
    const other = what === 'all' ? '`all`' : '--seeds';
    throw new InputError('INVALID_ARGUMENT', `--config repeats a single run; leave out ${other}.`);
  }
  const { repeat } = await import('../experiments/repeat.ts');
  await showRun(command, (control) => repeat(config, what, given, control));
}
