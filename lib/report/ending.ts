import { InputError } from '../errors.ts';
import { monitorName } from '../experiments/monitor-text.ts';
import type { StageSetup } from '../experiments/stage-setups.ts';
import { checkOptions, runOptions } from '../options/index.ts';
import { epochsOf } from '../training/recipes.ts';
import { shellText } from './command.ts';
import type { ReportedRun } from './read-run.ts';

/** How a run ended, or that it has not. */
export interface Ending {
  /** One or two words. */
  status: string;
  /** Full sentences. */
  text: string;
  /** Whether the training is complete. */
  isComplete: boolean;
}

/** Describes how a run ended. */
export function endingOf(run: ReportedRun): Ending {
  const done = `${run.epochs.length} ${run.epochs.length === 1 ? 'epoch' : 'epochs'}`;
  const planned = plannedEpochs(run);
  const of = planned === null ? done : `${run.epochs.length} of ${planned} epochs`;
  switch (run.stoppedBecause) {
    case 'epochs':
      return { status: 'finished', text: finishedText(run, done), isComplete: true };
    case 'early-stopping':
      return {
        status: 'stopped early',
        text: `Early stopping ended the run after ${of}: ${patience(run, run.stages.at(-1))}.`,
        isComplete: true,
      };
    case 'aborted':
      return {
        status: 'aborted',
        text: `The run was stopped after ${of}. ${resumeText(run)}`,
        isComplete: false,
      };
    case 'failed': {
      const { code, message } = run.error ?? { code: 'UNKNOWN', message: 'the reason was not recorded' };
      return {
        status: 'failed',
        text: `The run failed after ${of}: ${message} (${code}).`,
        isComplete: false,
      };
    }
    case null:
      return {
        status: 'not finished',
        text: `The run has trained ${of} and has no results.json: it is still running, or its process was killed. ${resumeText(run)}`,
        isComplete: false,
      };
  }
}

/** Stages before the last may have stopped early. */
function finishedText(run: ReportedRun, done: string): string {
  const early = run.stages.flatMap((stage, index) => {
    const trained = run.epochs.filter((epoch) => epoch.stage === index + 1).length;
    const name = `Stage ${index + 1}${stage.name === null ? '' : ` (${stage.name})`}`;
    const after = `after ${trained} of ${stage.epochs} epochs`;
    return trained < stage.epochs ? [`${name} stopped early ${after}: ${patience(run, stage)}.`] : [];
  });
  return early.length === 0
    ? `The run trained all ${done}.`
    : [`The run trained ${done}.`, ...early].join(' ');
}

/** Total number of epochs of all stages; null if this version does not know the run's options. */
function plannedEpochs({ options, stages }: ReportedRun): number | null {
  if (stages.length > 0) return stages.reduce((sum, { epochs }) => sum + epochs, 0);
  try {
    return epochsOf(checkOptions(runOptions, options));
  } catch (cause) {
    if (cause instanceof InputError) return null;
    throw cause;
  }
}

function patience({ options, monitor }: ReportedRun, stage: StageSetup | undefined): string {
  const { earlyStoppingPatience: epochs, earlyStoppingMinDelta: delta } = { ...options, ...stage };
  const watched = monitor ?? 'loss';
  const way = watched === 'loss' ? 'fallen' : 'risen';
  return `the ${monitorName(watched)} had not ${way} by more than ${delta} for ${epochs} epochs`;
}

function resumeText({ experiment, path }: ReportedRun): string {
  return `To resume: ${resumeCommand(runWords(experiment), path)}`;
}

/** The words after `torch-tl` that run an experiment, or train on the user's own images. */
export function runWords(experiment: string): string[] {
  return experiment === 'train' ? ['train'] : ['run', experiment];
}

/** The command that resumes what these words run; all other options are in its directory. */
export function resumeCommand(words: readonly string[], directory: string): string {
  return `npx torch-tl ${shellText([...words, '--resume', '--out', directory])}`;
}
