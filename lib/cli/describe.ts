import type { Command } from 'commander';
import { type ExperimentName, experimentName } from '../experiments/paper.ts';
import type { ModelDescription } from '../model/description.ts';
import { experimentOptions } from '../options/index.ts';
import { count } from '../support/format.ts';
import { shownJson } from '../support/printable.ts';
import { addExamples } from './examples.ts';
import { addFlags, readFlags } from './flags.ts';
import { print } from './output.ts';
import { columns, table } from './table.ts';

const describeOptions = experimentOptions.pick({ imageSize: true });

/** Defines `torch-tl describe`. */
export function define(command: Command): void {
  command
    .argument('<experiment>', 'base, base-optimized or finetune', experimentName)
    .option('--json', 'print one JSON document');
  addExamples(command, {
    'describe finetune': 'print a table in the style of Keras',
    'describe base --image-size 64 --json': 'print JSON, for images of 64x64 pixels',
  });
  addFlags(command, describeOptions).action((experiment: ExperimentName) => describe(command, experiment));
}

async function describe(command: Command, experiment: ExperimentName): Promise<void> {
  const { imageSize } = readFlags(command, describeOptions);
  const { describeExperiment } = await import('../experiments/describe-experiment.ts');
  const description = await describeExperiment(experiment, imageSize);
  const { json } = command.opts<{ json?: true }>();
  print(json ? shownJson({ experiment, ...description }) : summary(experiment, description));
}

/** Formats a model in the style of Keras' `model.summary()`. */
function summary(experiment: ExperimentName, description: ModelDescription): string {
  const { imageSize, layers } = description;
  const rows = layers.map(({ name, type, outputShape, parameters, trainable }) => [
    `${name} (${type})`,
    `(${outputShape.join(', ')})`,
    count(parameters),
    parameters === 0 ? '-' : trainable ? 'yes' : 'no',
  ]);
  const totals = [
    ['Total parameters', count(description.totalParameters)],
    ['Trainable parameters', count(description.trainableParameters)],
    ['Frozen parameters', count(description.frozenParameters)],
  ];
  return [
    `Model: ${experiment} at ${imageSize}x${imageSize}`,
    '',
    table(['Layer (type)', 'Output shape', 'Parameters', 'Trainable'], rows, [
      'left',
      'left',
      'right',
      'left',
    ]),
    '',
    columns(totals, ['left', 'right']),
  ].join('\n');
}
