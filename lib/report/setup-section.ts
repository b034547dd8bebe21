import { dirname } from 'node:path';
import { monitorName } from '../experiments/monitor-text.ts';
import { classesText, processesText, settingsText, weightsText } from '../experiments/setup-text.ts';
import { count, duration, images } from '../support/format.ts';
import { commandOf, shellText } from './command.ts';
import { shortNumber } from './curves.ts';
import { endingOf } from './ending.ts';
import { type Content, type Html, html } from './html.ts';
import type { ReportedRun } from './read-run.ts';
import { dataTable, facts } from './table.ts';

/** Setup of a run: data, model, training settings and times. */
export function setupSection(run: ReportedRun): Html {
  return html`<section id="setup"><h2>Setup</h2>
${facts([...factsOf(run), ...timesOf(run)])}
${run.warnings.map(({ message }) => html`<p class="warning">${message}</p>`)}
${stages(run)}
${skippedImages(run)}
</section>`;
}

/** Classes with their numbers of images; runs of earlier versions recorded the names only. */
function classesOf({ dataset: { classCounts }, classes }: ReportedRun): string {
  if (classCounts.length > 0) return classesText(classCounts);
  return classes.length > 20 ? `${classes.length}` : `${classes.length}: ${classes.join(', ')}`;
}

/** Settings of a run as pairs of a name and a text. */
export function factsOf(run: ReportedRun): Array<readonly [string, string]> {
  const { dataset } = run;
  return [
    ['data', `${dataset.name} (${dataset.source})`],
    [
      'images',
      `${count(dataset.train)} for training${dataset.valid > 0 ? `, ${count(dataset.valid)} for validation` : ''} (${dataset.validation})${dataset.manifest ? `; manifest ${dataset.manifest.file}, SHA-256 ${dataset.manifest.sha256}` : ''}`,
    ],
    [
      'left out',
      dataset.skipped.length === 0 ? 'none' : `${count(dataset.skipped.length)} that cannot be decoded`,
    ],
    ['classes', classesOf(run)],
    ['image size', `${run.imageSize} × ${run.imageSize} pixels`],
    ['backbone', run.init === 'random' ? 'random weights, from the seed' : weightsText(run.weights)],
    ['trainable parameters', `${count(run.trainableParameters)} of ${count(run.totalParameters)}`],
    ['optimiser', optimiserText(run.stages)],
    ['batch size', `${run.batchSize} images`],
    [
      'augmentation',
      typeof run.options.augmentation === 'string'
        ? run.options.augmentation
        : JSON.stringify(run.options.augmentation ?? 'none'),
    ],
    ['class weights', classWeightsText(run.classWeights)],
    ...(run.monitor ? [['best epoch by', monitorName(run.monitor)] as const] : []),
    ['seed', String(run.seed)],
    ['hardware', run.device === 'cpu' ? run.hardware : `${run.hardware} (${run.device})`],
    ...(run.processes ? [['processes', processesOf(run)] as const] : []),
    ['started', run.started],
    ['precision', `${run.precision}: ${run.precisionReason}`],
    [
      'versions',
      Object.entries(run.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
  ];
}

function processesOf({ processes, imagesPerSecond }: ReportedRun): string {
  const each = imagesPerSecond / (processes?.length ?? 1);
  return `${processesText(processes ?? [])}; ${count(each)} images/s each`;
}

function timesOf(run: ReportedRun): Array<readonly [string, Content]> {
  const { seconds, epochs, imagesPerSecond, resumed, best, path } = run;
  const features =
    seconds.features > 0.005
      ? `, including ${duration(seconds.features)} for the features of the frozen backbone`
      : '';
  const sorted = epochs.map((epoch) => epoch.seconds).sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  return [
    ['time', `${duration(seconds.total)}${features}`],
    ...(middle === undefined ? [] : [['time per epoch', `${duration(middle)} (median)`] as const]),
    ...(imagesPerSecond > 0
      ? [['speed', `${count(imagesPerSecond)} training images per second`] as const]
      : []),
    ['status', endingOf(run).text],
    ['best epoch', best ? `${best.epoch} of ${epochs.length}; best.safetensors holds its model` : 'none'],
    [
      'resumed',
      resumed.length === 0
        ? 'no'
        : resumed
            .map(({ epoch, batch }) => `after epoch ${epoch}${batch > 0 ? ` and ${batch} batches` : ''}`)
            .join(', '),
    ],
    ['directory', path],
  ];
}

function classWeightsText(weights: ReportedRun['classWeights']): string {
  if (weights === null) return 'none';
  return Object.entries(weights)
    .map(([name, weight]) => `${name} ${shortNumber(weight)}`)
    .join(', ');
}

/** Optimiser settings of each stage; runs before version 0.2 did not record them. */
function optimiserText(stages: ReportedRun['stages']): string {
  if (stages.length === 0) return 'not recorded';
  if (stages.length === 1) return stages.map(settingsText).join('');
  return stages
    .map((stage, index) => `${stage.name ?? `stage ${index + 1}`}: ${settingsText(stage)}`)
    .join('; ');
}

/** Table of the stages, if there are several. */
function stages(run: ReportedRun): Content {
  if (run.stages.length < 2) return null;
  return dataTable({
    caption: 'Stages in order',
    heading: [
      'stage',
      'frozen',
      'trainable parameters',
      'epochs',
      'optimiser',
      'learning rate, first to last epoch',
    ],
    rows: run.stages.map((stage, index) => {
      const epochs = run.epochs.filter((epoch) => epoch.stage === index + 1);
      const [first, last] = [epochs[0], epochs.at(-1)];
      return [
        `${index + 1}${stage.name === null ? '' : `: ${stage.name}`}`,
        frozenText(stage.frozen),
        count(stage.trainableParameters),
        `${epochs.length} of ${stage.epochs}`,
        settingsText(stage),
        first && last ? `${shortNumber(first.lr)} to ${shortNumber(last.lr)}` : '-',
      ];
    }),
    text: true,
    isStacked: true,
  });
}

function frozenText(frozen: readonly string[]): string {
  if (frozen.length === 0) return 'none';
  return frozen.length > 12 ? `${frozen.length} layers` : frozen.join(', ');
}

function skippedImages({ dataset: { skipped } }: ReportedRun): Content {
  if (skipped.length === 0) return null;
  return html`<details><summary>${images(skipped.length)} that cannot be decoded</summary>${dataTable({
    caption: 'Images that cannot be decoded',
    heading: ['image', 'reason'],
    rows: skipped.map(({ path, reason }) => [path, reason]),
    text: true,
  })}</details>`;
}

/** Commands and configuration that reproduce a run. */
export function repeatSection(run: ReportedRun): Html {
  const words = commandOf(run);
  return html`<section id="repeat"><h2>Reproduce</h2>
<p>${
    run.options.fold === undefined
      ? 'Repeat the run with all its options from the run directory:'
      : 'This is a fold of a cross-validation, which is repeated as a whole:'
  }</p>
${command(configWords(run))}
${words === null ? null : html`<p>Or with all options that differ from their defaults as flags:</p>${command(words)}`}
<p>On a CPU, the same versions, images, seed, precision and number of threads give bit-identical results.${
    run.weights.sha256 === null
      ? null
      : html` The SHA-256 of the weights must be <code class="hash">${run.weights.sha256}</code>.`
  }</p>
<details><summary>Complete config.json, for <code>torch-tl run --config</code></summary><pre><code>${run.config}</code></pre></details>
</section>`;
}

/** The arguments that repeat a run from its directory; a fold is repeated with the run that it belongs to. */
export function configWords({ path, options }: Pick<ReportedRun, 'path' | 'options'>): string[] {
  const whole = options.fold === undefined ? path : dirname(dirname(path));
  return ['run', '--config', `${whole}/config.json`];
}

/** A `torch-tl` command as a code block. */
export function command(words: readonly string[]): Html {
  return html`<pre><code>torch-tl ${shellText(words)}</code></pre>`;
}
