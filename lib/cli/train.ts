import type { Command } from 'commander';
import { chosenText } from '../experiments/setup-text.ts';
import type { TrainCallbacks } from '../experiments/train-classifier.ts';
import { DEFAULT_WEIGHTS, trainOptions } from '../options/index.ts';
import { count } from '../support/format.ts';
import { addDataArgument } from './data-argument.ts';
import { addExamples } from './examples.ts';
import { addFlags, givenFlags } from './flags.ts';
import { showRun } from './run.ts';
import { wrap } from './wrap.ts';

/** Defines `torch-tl train`. */
export function define(command: Command): void {
  command
    .option('--resume', 'go on with the run in --out, from its last checkpoint')
    .option('--json', 'print the results as one JSON document, progress on stderr');
  addExamples(command, {
    'train flowers': 'flowers/<class>/*.jpg; a fifth of each class validates',
    'train flowers --weights imagenet': 'starts from ImageNet weights, once downloaded',
    'train --resume --out runs/flowers': 'goes on with that run, where it was stopped',
  });
  addDataArgument(addFlags(command, trainOptions), () => train(command));
}

async function train(command: Command): Promise<void> {
  const given = givenFlags(command, trainOptions);
  const { trainClassifier } = await import('../experiments/train-classifier.ts');
  const { json } = command.opts<{ json?: true }>();
  const stream = json ? process.stderr : process.stdout;
  const say = (line: string) => stream.write(`${wrap(line, stream.columns)}\n`);
  const onRecommendation: TrainCallbacks['onRecommendation'] = (recommendation) => {
    chosenText(recommendation).forEach(say);
    if (given.weights === undefined || given.weights === DEFAULT_WEIGHTS) say(WEAK_BACKBONE);
  };
  await showRun(command, (control) => trainClassifier(given as never, { ...control, onRecommendation }));
}

const WEAK_BACKBONE =
  `Warning: the embedded backbone learnt from ${count(50_000)} small images only and is weak; ` +
  'with ImageNet weights (--weights imagenet) expect far better accuracy.';
