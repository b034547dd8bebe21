import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import { type ExperimentName, experimentNameOrAll } from '../experiments/paper.ts';
import type { RunResults } from '../experiments/results.ts';
import type { RunAllControl } from '../experiments/run-all.ts';
import type { RunControl, RunEvent } from '../experiments/run-events.ts';
import { experimentOptions } from '../options/index.ts';
import { shownJson } from '../support/printable.ts';
import { addExamples } from './examples.ts';
import { addFlags, givenFlags } from './flags.ts';
import { Interrupted, interruptible } from './interrupt.ts';
import { print, say } from './output.ts';
import { Reports } from './reports.ts';
import { addProcesses, inProcesses } from './shared-work.ts';

/** Defines `torch-tl run`. */
export function define(command: Command): void {
  command
    .argument('[experiment]', 'base, base-optimized, finetune or all', experimentNameOrAll)
    .option('--config <file>', 'repeat the run of this config.json; other flags override its options')
    .option('--resume', 'resume the run in --out from its last checkpoint')
    .option('--json', 'print the results as one JSON document; progress goes to stderr');
  addExamples(command, {
    'run finetune': 'train on embedded images of CIFAR-10, with a frozen backbone',
    'run base --data auto --seed 1 --out runs/base': 'train on all of CIFAR-10, if it has been downloaded',
    'run base --resume --out runs/base': 'resume that run',
  });
  addProcesses(addFlags(command, experimentOptions)).action((what: ExperimentName | 'all' | undefined) =>
    inProcesses(command, () => run(command, what)),
  );
}

async function run(command: Command, what: ExperimentName | 'all' | undefined): Promise<void> {
  const { config } = command.opts<{ config?: string }>();
  const given = givenFlags(command, experimentOptions);
  if (config !== undefined) {
    if (what === 'all')
      throw new InputError('INVALID_ARGUMENT', '--config repeats a single run; leave out `all`.');
    const { repeat } = await import('../experiments/repeat.ts');
    await showRun(command, (control) => repeat(config, what, given, control));
  } else if (what === 'all') {
    const { runAll } = await import('../experiments/run-all.ts');
    const { comparison } = await import('./results-text.ts');
    const results = await follow(command, (control) => runAll(given, control));
    show(command, { formatVersion: 1, runs: results }, () => comparison(results));
  } else if (what !== undefined) {
    const { runExperiment } = await import('../experiments/run-experiment.ts');
    await showRun(command, (control) => runExperiment(what, given, control));
  } else {
    throw new InputError(
      'INVALID_ARGUMENT',
      'No experiment is given. Name base, base-optimized, finetune or all, or repeat a run with --config FILE.',
    );
  }
}

/** Runs a training that Ctrl-C stops, shows its progress, and prints its results. */
export async function showRun(
  command: Command,
  start: (control: RunControl) => Promise<RunResults>,
): Promise<void> {
  const results = await follow(command, start);
  const { resultsText } = await import('./results-text.ts');
  show(command, results, () => resultsText(results));
}

/** Runs one or several trainings that Ctrl-C stops, and shows their progress. */
async function follow<Results>(
  command: Command,
  start: (control: RunAllControl) => Promise<Results>,
): Promise<Results> {
  const { progressOn } = await import('./progress.ts');
  const { RunProgress } = await import('./run-progress.ts');
  const { json, resume = false } = command.opts<{ json?: true; resume?: true }>();
  const progress = progressOn(json ? process.stderr : process.stdout);
  let view = new RunProgress(progress);
  const reports = new Reports();
  let areSeveral = false;
  const onExperiment = (name: ExperimentName) => {
    areSeveral = true;
    view = new RunProgress(progress);
    progress.line('');
    progress.line(name);
  };
  const onEvent = (event: RunEvent) => {
    reports.hear(event);
    view.show(event);
  };
  try {
    const results = await interruptible((signal) => start({ resume, signal, onExperiment, onEvent }));
    const report = await reports.write();
    if (report !== undefined) progress.line(`Report: ${report}`);
    return results;
  } catch (error) {
    // The error that stopped the run matters more than one of writing its report.
    await reports.write().catch(() => {});
    if (error instanceof Interrupted) error.resumeCommand = reports.resumeCommand(areSeveral);
    throw error;
  } finally {
    progress.end();
  }
}

function show(command: Command, document: object, text: () => string): void {
  const { json } = command.opts<{ json?: true }>();
  if (json) print(shownJson(document));
  // A failure to print is harmless: results.json holds the results too.
  else say(`\n${text()}`);
}
