import { dirname } from 'node:path';
import type { Command } from 'commander';
import type { RunResults } from '../experiments/results.ts';
import type { RunControl, RunEvent } from '../experiments/run-events.ts';
import type { ExperimentOptions } from '../experiments/run-experiment.ts';
import type { PlannedRun } from '../experiments/several-runs.ts';
import { resumeCommand } from '../report/ending.ts';
import { shownJson } from '../support/printable.ts';
import { betterWeights } from './better-weights.ts';
import { Interrupted, interruptible } from './interrupt.ts';
import { print, say } from './output.ts';
import { Reports } from './reports.ts';
import { givenWatch } from './watch-flag.ts';

/*
 * Trainings that a command starts: progress while they run, results when they have ended.
 */

/** Runs a training that Ctrl-C stops, shows its progress, and prints its results. */
export async function showRun(
  command: Command,
  start: (control: RunControl) => Promise<RunResults>,
): Promise<void> {
  const results = await follow(command, ({ onRun: _, ...control }) => start(control));
  const { resultsText } = await import('./results-text.ts');
  show(command, results, () => resultsText(results));
}

/** Runs the paper's three experiments, shows their progress, and compares their results. */
export async function showAll(command: Command, given: ExperimentOptions): Promise<void> {
  const { runAll } = await import('../experiments/run-all.ts');
  const { comparison } = await import('./results-text.ts');
  const results = await follow(command, ({ onRun, ...control }) => {
    const onExperiment = (title: string, directory: string) =>
      onRun({ title, root: dirname(directory), words: ['run', 'all'] });
    return runAll(given, { ...control, onExperiment });
  });
  show(command, { formatVersion: 1, runs: results }, () => comparison(results));
}

/**
 * Runs the same trainings with several seeds, shows their progress, and prints their mean and spread.
 *
 * @param words the command after `torch-tl`, without flags
 */
export async function showSeeds(
  command: Command,
  words: readonly string[],
  runs: readonly PlannedRun[],
  { given, seeds }: { given: Parameters<PlannedRun['start']>[0]; seeds: number },
): Promise<void> {
  const { runSeeds } = await import('../experiments/run-seeds.ts');
  const { seedsText } = await import('./seeds-text.ts');
  const results = await follow(command, ({ onRun: onTitle, ...control }) => {
    const onRun = ({ place }: PlannedRun, directory: string) => {
      const root = directory.slice(0, -place.length - 1);
      onTitle({ title: place, root, words: [...words, '--seeds', String(seeds)] });
    };
    return runSeeds(words.at(-1) as string, runs, given, { ...control, seeds, onRun });
  });
  show(command, results, () => seedsText(results));
}

/** One of several runs that begins. */
interface RunStart {
  title: string;
  /** The directory of all runs. */
  root: string;
  /** The command that resumes all of them, after `torch-tl`. */
  words: readonly string[];
}

/** Runs one or several trainings that Ctrl-C stops, and shows their progress. */
async function follow<Results>(
  command: Command,
  start: (control: RunControl & { onRun: (start: RunStart) => void }) => Promise<Results>,
): Promise<Results> {
  const { progressOn } = await import('./progress.ts');
  const { RunProgress } = await import('./run-progress.ts');
  const { json, resume = false } = command.opts<{ json?: true; resume?: true }>();
  const stream = json ? process.stderr : process.stdout;
  const progress = progressOn(stream);
  const watching = await givenWatch(command);
  if (watching) progress.line(`Watch: ${watching.url}`);
  let view = new RunProgress(progress);
  const reports = new Reports();
  let latest: RunStart | undefined;
  let isHinted = false;
  const onRun = (start: RunStart) => {
    // The setup of runs that differ in the seed alone is shown once.
    view = new RunProgress(progress, { isBrief: latest !== undefined && start.words.includes('--seeds') });
    latest = start;
    watching?.followAll(start.root);
    progress.line('');
    progress.line(start.title);
  };
  const onEvent = (event: RunEvent) => {
    reports.hear(event);
    view.show(event);
    watching?.hear(event);
    // Once, and not after `train`, which has said so with what it recommends.
    if (event.type !== 'setup' || isHinted || event.setup.experiment === 'train' || !stream.isTTY) return;
    isHinted = true;
    const hint = betterWeights(event.setup);
    if (hint !== null) progress.line(hint);
  };
  try {
    const results = await interruptible((signal) => start({ resume, signal, onRun, onEvent }));
    const report = await reports.write();
    if (report !== undefined) progress.line(`Report: ${report}`);
    return results;
  } catch (error) {
    // The error that stopped the run matters more than one of writing its report.
    await reports.write().catch(() => {});
    if (error instanceof Interrupted && reports.resumeCommand !== undefined) {
      error.kept = reports.kept;
      error.resumeCommand = latest ? resumeCommand(latest.words, latest.root) : reports.resumeCommand;
    }
    throw error;
  } finally {
    progress.end();
    await watching?.close();
  }
}

function show(command: Command, document: object, text: () => string): void {
  const { json } = command.opts<{ json?: true }>();
  if (json) print(shownJson(document));
  // A failure to print is harmless: results.json holds the results too.
  else say(`\n${text()}`);
}
