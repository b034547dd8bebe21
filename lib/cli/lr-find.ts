import type { Command } from 'commander';
import { type ExperimentName, experimentName } from '../experiments/paper.ts';
import type { SearchEvent } from '../experiments/search-learning-rate.ts';
import { chosenText, modelText, trainingClassesText, weightsText } from '../experiments/setup-text.ts';
import { searchRunOptions } from '../options/index.ts';
import { count } from '../support/format.ts';
import { shownJson } from '../support/printable.ts';
import type { LearningRateSearch } from '../training/learning-rate.ts';
import { showDecoded } from './decoding.ts';
import { addExamples } from './examples.ts';
import { addFlags, givenFlags } from './flags.ts';
import { interruptible } from './interrupt.ts';
import { print } from './output.ts';
import { type Progress, progressOn, showPass } from './progress.ts';
import { addProcesses, inProcesses } from './shared-work.ts';

/** Defines `torch-tl lr-find`. */
export function define(command: Command): void {
  command
    .argument(
      '[experiment]',
      'base, base-optimized or finetune; default: finetune, or for your own images the training of `train`',
      experimentName,
    )
    .option('--json', 'print points and suggestion as one JSON document; progress goes to stderr');
  addExamples(command, {
    'lr-find': 'search for finetune on the embedded images',
    'lr-find --data flowers': 'search for the first stage of train --data flowers',
    'lr-find base --steps 50 --json': 'search for base in at most 50 steps, print JSON',
  });
  addProcesses(addFlags(command, searchRunOptions)).action((experiment?: ExperimentName) =>
    inProcesses(command, () => lrFind(command, experiment ?? null)),
  );
}

async function lrFind(command: Command, experiment: ExperimentName | null): Promise<void> {
  const given = givenFlags(command, searchRunOptions);
  const { searchLearningRate } = await import('../experiments/search-learning-rate.ts');
  const { json } = command.opts<{ json?: true }>();
  const progress = progressOn(json ? process.stderr : process.stdout);
  let search: LearningRateSearch;
  try {
    const onEvent = (event: SearchEvent) => show(event, progress);
    search = await interruptible((signal) => searchLearningRate(experiment, given, { signal, onEvent }));
  } finally {
    progress.end();
  }
  print(json ? shownJson(search) : await summary(search));
}

function show(event: SearchEvent, progress: Progress): void {
  if (event.type === 'recommendation') for (const line of chosenText(event)) progress.line(line);
  else if (event.type === 'decoding') showPass(progress, 'decoding', event);
  else if (event.type === 'decoded') showDecoded(progress, event);
  else if (event.type === 'data') {
    const images = count(event.classes.reduce((sum, { train }) => sum + train, 0));
    progress.line(`Data: ${event.name} (${event.source}), ${images} training images`);
    progress.line(`Classes: ${trainingClassesText(event.classes)}`);
  } else if (event.type === 'model') {
    progress.line(`Model: ${modelText(event)}`);
    progress.line(`Weights: ${weightsText(event.weights)}`);
  } else if (event.type === 'features') {
    showPass(progress, 'features', event);
  } else {
    const { step, steps, loss, imagesPerSecond } = event;
    const text = `step ${step}/${steps}  loss ${loss.toFixed(4)}`;
    progress.bar(step, steps, `${text}  ${count(imagesPerSecond)} images/s`, text);
  }
}

async function summary(search: LearningRateSearch): Promise<string> {
  const { ratePlot } = await import('./rate-plot.ts');
  return `${ratePlot(search, process.stdout.columns)}\n${suggestionText(search.suggestion)}`;
}

function suggestionText(suggestion: number | null): string {
  if (suggestion === null) return 'No suggestion: the loss never fell. Try other rates (--start, --end).';
  const rate = Number(suggestion.toPrecision(2)).toExponential();
  return `Suggestion: --lr ${rate}, the middle of the longest fall of the loss`;
}
