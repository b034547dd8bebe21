import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { z } from 'zod';
import { watchOptions } from '../options/index.ts';
import { aborted } from '../support/signals.ts';
import { findRuns } from '../watch/find-runs.ts';
import { addExamples } from './examples.ts';
import { addFlags, readFlags } from './flags.ts';
import { interruptible } from './interrupt.ts';
import { say } from './output.ts';
import { startWatching } from './watching.ts';

type Options = z.output<typeof watchOptions>;

/** Directory that is watched where none is given: runs lie there unless their command names another. */
const RUNS = 'runs';

/** Defines `torch-tl watch`. */
export function define(command: Command): void {
  command.argument('[dir]', `directory of a run, or of several (default: ${RUNS})`);
  addExamples(command, {
    watch: 'follow all runs in runs/',
    'watch runs/flowers --port 8000': 'follow one run, at http://127.0.0.1:8000/',
  });
  addFlags(command, watchOptions).action(async (directory: string | undefined) => {
    const options = readFlags(command, watchOptions);
    if (directory !== undefined && !(await isDirectory(directory))) {
      const { noRun } = await import('../experiments/no-run.ts');
      throw await noRun(directory);
    }
    await interruptible((signal) => watch(directory ?? RUNS, options, signal), 'Stopped watching.');
  });
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() === true;
}

/** Serves the page until the signal aborts. */
async function watch(directory: string, options: Options, signal: AbortSignal): Promise<void> {
  const { server, url } = await startWatching({ directory }, options);
  say(`Watch ${directory}: ${url}`);
  // It may be of a training that is about to begin, or a slip.
  if ((await findRuns(directory)).length === 0) {
    say(`There is no run in ${resolve(directory)} yet; the page shows the first one when it begins.`);
  }
  say('Press Ctrl-C to stop watching; the training goes on.');
  await aborted(signal);
  await server.close();
}
