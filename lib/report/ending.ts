import { InputError } from '../errors.ts';
import { checkOptions, type RunOptions, runOptions } from '../options.ts';
import { epochsOf } from '../recipes.ts';
import { shellText } from './command.ts';
import type { ReportedRun } from './read-run.ts';

/** How a run ended, if it has. */
export interface Ending {
  /** A word or two. */
  status: string;
  /** Sentences. */
  text: string;
  /** Whether it has trained to its end. */
  isWhole: boolean;
}

export function endingOf(run: ReportedRun): Ending {
  const done = `${run.epochs.length} ${run.epochs.length === 1 ? 'epoch' : 'epochs'}`;
  const planned = plannedEpochs(run);
  const of = planned === null ? done : `${run.epochs.length} of ${planned} epochs`;
  switch (run.stoppedBecause) {
    case 'epochs':
      return { status: 'finished', text: `It trained all of its ${done}.`, isWhole: true };
    case 'early-stopping':
      return {
        status: 'stopped early',
        text: `It stopped early, after ${of}: ${patience(run)}.`,
        isWhole: true,
      };
    case 'aborted':
      return { status: 'aborted', text: `It was stopped after ${of}. ${goOn(run)}`, isWhole: false };
    case 'failed': {
      const { code, message } = run.error ?? { code: 'UNKNOWN', message: 'why was not written' };
      return { status: 'failed', text: `It failed after ${of}: ${message} (${code}).`, isWhole: false };
    }
    case null:
      return {
        status: 'not finished',
        text: `It has trained ${of} and has no results.json: it is at work still, or its process was killed. ${goOn(run)}`,
        isWhole: false,
      };
  }
}

/** The options, checked; null where this version does not know them all. */
export function knownOptions({ options }: Pick<ReportedRun, 'options'>): RunOptions | null {
  try {
    return checkOptions(runOptions, options);
  } catch (cause) {
    if (cause instanceof InputError) return null;
    throw cause;
  }
}

function plannedEpochs(run: ReportedRun): number | null {
  const options = knownOptions(run);
  return options && epochsOf(options);
}

function patience({ options }: ReportedRun): string {
  const { earlyStoppingPatience: epochs, earlyStoppingMinDelta: delta } = options;
  return `the validation loss had not become lower by ${delta} for ${epochs} epochs`;
}

function goOn({ experiment, path }: ReportedRun): string {
  return `It goes on with: ${resumeCommand(experiment, path)}`;
}

/** What to type for a run to go on: all else is in its directory. */
export function resumeCommand(experiment: string, directory: string): string {
  const words = experiment === 'train' ? ['train'] : ['run', experiment];
  return `npx torch-tl ${shellText([...words, '--resume', '--out', directory])}`;
}
