import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import { chosenText } from '../experiments/setup-text.ts';
import type { PlannedRun } from '../experiments/several-runs.ts';
import type { TrainCallbacks } from '../experiments/train-classifier.ts';
import { DEFAULT_WEIGHTS, trainOptions } from '../options/index.ts';
import { count } from '../support/format.ts';
import { addDataArgument } from './data-argument.ts';
import { addExamples } from './examples.ts';
import { addFlags, givenFlags } from './flags.ts';
import { isQuiet } from './output.ts';
import { addSeeds, givenSeeds } from './seeds.ts';
import { addProcesses, inProcesses } from './shared-work.ts';
import { showRun, showSeeds } from './show-runs.ts';
import { addWatch } from './watch-flag.ts';
import { wrap } from './wrap.ts';

/** Defines `torch-tl train`. */
export function define(command: Command): void {
  command
    .option('--resume', 'resume the run in --out from its last checkpoint')
    .option('--json', 'print the results as one JSON document; progress goes to stderr');
  addExamples(command, {
    'train flowers': 'train on flowers/<class>/*.jpg; one fifth of each class is for validation',
    'train --resume --out runs/flowers': 'resume that run',
    'train flowers --folds 5': 'cross-validate, then train one model on all images',
  });
  addDataArgument(addWatch(addProcesses(addSeeds(addFlags(command, trainOptions)))), () =>
    inProcesses(command, () => train(command)),
  );
}

async function train(command: Command): Promise<void> {
  const given = givenFlags(command, trainOptions);
  const { startClassifier } = await import('../experiments/train-classifier.ts');
  const { json } = command.opts<{ json?: true }>();
  const stream = json ? process.stderr : process.stdout;
  const say = (line: string) => isQuiet() || stream.write(`${wrap(line, stream.columns)}\n`);
  const onRecommendation: TrainCallbacks['onRecommendation'] = (recommendation) => {
    chosenText(recommendation).forEach(say);
    if (given.weights === undefined || given.weights === DEFAULT_WEIGHTS) say(WEAK_BACKBONE);
  };
  const seeds = givenSeeds(command);
  if (seeds === undefined) {
    await showRun(command, (control) => startClassifier(given as never, { ...control, onRecommendation }));
    return;
  }
  if (given.folds !== undefined) {
    throw new InputError(
      'INVALID_ARGUMENT',
      '--seeds and --folds cannot be given together. Repeat the command with --folds and another --seed instead.',
    );
  }
  // Every seed has as many images, and so the same recommendation.
  let isFirst = true;
  const run: PlannedRun = {
    experiment: 'train',
    place: '',
    start: (options, control) => {
      const told = isFirst ? { onRecommendation } : {};
      isFirst = false;
      return startClassifier(options as never, { ...control, ...told });
    },
  };
  await showSeeds(command, ['train'], [run], { given, seeds });
}

const WEAK_BACKBONE =
  `Warning: the embedded backbone has seen only ${count(50_000)} small images and is weak. ` +
  'ImageNet weights (--weights imagenet) give better accuracy.';
