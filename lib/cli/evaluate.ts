import type { Command } from 'commander';
import type { z } from 'zod';
import { classifiedAs, confusions, type Evaluation } from '../model/evaluate.ts';
import { evaluateRunOptions } from '../options/index.ts';
import { count, images as counted, percent } from '../support/format.ts';
import { INTERVALS, shareText } from '../support/interval.ts';
import { shown, shownJson } from '../support/printable.ts';
import { addDataArgument, requireData } from './data-argument.ts';
import { decodingCallbacks } from './decoding.ts';
import { addExamples } from './examples.ts';
import { addFlags, readFlags } from './flags.ts';
import { interruptible } from './interrupt.ts';
import { print } from './output.ts';
import { type Progress, passCallback, progressOn } from './progress.ts';
import { addProcesses, inProcesses } from './shared-work.ts';
import { showSkipped } from './skipped.ts';
import { table } from './table.ts';

type Options = Omit<z.output<typeof evaluateRunOptions>, 'data'>;

/** Defines `torch-tl evaluate`. */
export function define(command: Command): void {
  command.option('--json', 'print one JSON document; progress goes to stderr');
  addExamples(command, {
    'evaluate --weights best.safetensors --data flowers':
      'use flowers/<class>/*.jpg, or the folder test/ or valid/ in it',
    'evaluate --weights best.safetensors --data test.csv --json': 'use a list of images, print JSON',
  });
  addDataArgument(addProcesses(addFlags(command, evaluateRunOptions)), () => {
    const { data, ...options } = readFlags(command, evaluateRunOptions);
    const images = requireData(command, data);
    return inProcesses(command, () => showEvaluation(command, images, options));
  });
}

async function showEvaluation(command: Command, data: string, options: Options): Promise<void> {
  const { json } = command.opts<{ json?: true }>();
  const progress = progressOn(json ? process.stderr : process.stdout);
  try {
    const evaluation = await interruptible((signal) => evaluate(data, options, progress, signal));
    progress.end();
    print(json ? shownJson(evaluation) : asText(evaluation));
  } finally {
    progress.end();
  }
}

async function evaluate(
  data: string,
  { weights, device, skipCorrupt, ...options }: Options,
  progress: Progress,
  signal: AbortSignal,
): Promise<Evaluation> {
  const { DenseNet121 } = await import('../densenet121.ts');
  const { listTestData } = await import('../data/open-datasets.ts');
  const { deviceHere } = await import('../distributed/device.ts');
  const { trainedImages } = await import('../experiments/trained-images.ts');
  const { indicesOf } = await import('../data/labels.ts');
  const model = await DenseNet121.load(weights, { device: deviceHere(device, options) });
  try {
    const { imageSize, resize } = model;
    const listed = await listTestData(data, {
      imageSize,
      resize,
      signal,
      skipCorrupt,
      ...decodingCallbacks(progress),
    });
    // Unknown classes are refused before any image is decoded.
    indicesOf(listed.classes, model.classes);
    const { data: images, which } = await listed.open();
    showSkipped(images.skipped);
    try {
      progress.line(`Data: ${images.name} (${images.source}), ${counted(images.count)} (${which})`);
      const known = await trainedImages(model.weights?.path ?? weights, images, signal);
      if (known !== null) progress.line(`Warning: ${known}`);
      const onProgress = passCallback(progress, 'evaluation');
      return await model.evaluate(images, { ...options, signal, onProgress });
    } finally {
      images.dispose();
    }
  } finally {
    model.dispose();
  }
}

function asText(evaluation: Evaluation): string {
  const { accuracy, top5Accuracy, loss, calibrationError, classes, confusion, perClass } = evaluation;
  const lines = [
    `accuracy           ${shareText(accuracy, evaluation.count)}`,
    ...(classes.length > 5 ? [`top-5 accuracy     ${shareText(top5Accuracy, evaluation.count)}`] : []),
    `balanced accuracy  ${percent(evaluation.balancedAccuracy)}`,
    `macro F1           ${percent(evaluation.macroF1)}`,
    `loss               ${loss.toFixed(4)}`,
    `calibration error  ${percent(calibrationError)}`,
  ];
  const metrics = perClass.map((metric, index) => [
    metric.label,
    shareText(metric.precision, classifiedAs(index, confusion)),
    shareText(metric.recall, metric.count),
    percent(metric.f1),
    count(metric.count),
  ]);
  const heading = ['class', 'precision', 'recall', 'F1', 'images'];
  const perClassTable = table(heading, metrics, ['left', 'right', 'right', 'right', 'right']);
  return [...lines, '', perClassTable, '', INTERVALS, ...mostFrequent(classes, confusion)].join('\n');
}

/** The five most frequent confusions. */
function mostFrequent(classes: readonly string[], confusion: number[][]): string[] {
  const worst = confusions(confusion).slice(0, 5);
  if (worst.length === 0) return [];
  const listed = worst.map(({ label, predicted, images }) =>
    shown(`  ${classes[label]} classified as ${classes[predicted]}: ${count(images)}`),
  );
  return ['', 'Most frequent confusions', ...listed];
}
