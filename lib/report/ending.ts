import { InputError } from '../errors.ts';
import type { StageSetup } from '../experiments/stage-setups.ts';
import { checkOptions, runOptions } from '../options/index.ts';
import { epochsOf } from '../training/recipes.ts';
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
      return { status: 'finished', text: finishedText(run, done), isWhole: true };
    case 'early-stopping':
      return {
        status: 'stopped early',
        text: `It stopped early, after ${of}: ${patience(run, run.stages.at(-1))}.`,
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

/** Stages before the last may have stopped early. */
function finishedText(run: ReportedRun, done: string): string {
  const early = run.stages.flatMap((stage, index) => {
    const trained = run.epochs.filter((epoch) => epoch.stage === index + 1).length;
    const name = `Stage ${index + 1}${stage.name === null ? '' : ` (${stage.name})`}`;
    const after = `after ${trained} of ${stage.epochs} epochs`;
    return trained < stage.epochs ? [`${name} stopped early, ${after}: ${patience(run, stage)}.`] : [];
  });
  return early.length === 0 ? `It trained all of its ${done}.` : [`It trained ${done}.`, ...early].join(' ');
}

/** Of all stages; null where this version does not know the options. */
function plannedEpochs({ options, stages }: ReportedRun): number | null {
  if (stages.length > 0) return stages.reduce((sum, { epochs }) => sum + epochs, 0);
  try {
    return epochsOf(checkOptions(runOptions, options));
  } catch (cause) {
    if (cause instanceof InputError) return null;
    throw cause;
  }
}

function patience({ options }: ReportedRun, stage: StageSetup | undefined): string {
  const { earlyStoppingPatience: epochs, earlyStoppingMinDelta: delta } = { ...options, ...stage };
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
