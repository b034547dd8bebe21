import { classesText, weightsText } from '../experiments/setup-text.ts';
import { count, duration } from '../format.ts';
import { stagesOf } from '../recipes.ts';
import { commandOf, shellText } from './command.ts';
import { shortNumber } from './curves.ts';
import { endingOf, knownOptions } from './ending.ts';
import { type Content, type Html, html } from './html.ts';
import type { ReportedRun } from './read-run.ts';
import { dataTable, facts } from './table.ts';

/** What was trained, on what, and how it went. */
export function setupSection(run: ReportedRun): Html {
  return html`<section id="setup"><h2>What was run</h2>
${facts([...factsOf(run), ...timesOf(run)])}
${run.warnings.map(({ message }) => html`<p class="warning">${message}</p>`)}
${stages(run)}
${skippedPictures(run)}
</section>`;
}

/** With their pictures, which earlier versions did not write down. */
function classesOf({ dataset: { classCounts }, classes }: ReportedRun): string {
  if (classCounts.length > 0) return classesText(classCounts);
  return classes.length > 20 ? `${classes.length}` : `${classes.length}: ${classes.join(', ')}`;
}

/** What a run was made of, in pairs of a name and a text. */
export function factsOf(run: ReportedRun): Array<readonly [string, string]> {
  const { dataset } = run;
  return [
    ['data', `${dataset.name} (${dataset.source})`],
    [
      'pictures',
      `${count(dataset.train)} to train, ${count(dataset.valid)} to validate (${dataset.validation})`,
    ],
    [
      'left out',
      dataset.skipped.length === 0 ? 'none' : `${count(dataset.skipped.length)} that cannot be decoded`,
    ],
    ['classes', classesOf(run)],
    ['picture size', `${run.imageSize} × ${run.imageSize} pixels`],
    ['backbone', run.init === 'random' ? 'random weights, drawn from the seed' : weightsText(run.weights)],
    ['parameters', `${count(run.trainableParameters)} of ${count(run.totalParameters)} train`],
    [
      'optimiser',
      `${run.options.optimizer}, learning rate ${run.options.learningRate}, schedule ${run.options.schedule}`,
    ],
    ['batch', `${run.batchSize} pictures`],
    [
      'augmentation',
      typeof run.options.augmentation === 'string'
        ? run.options.augmentation
        : JSON.stringify(run.options.augmentation ?? 'none'),
    ],
    ['seed', String(run.seed)],
    ['hardware', run.device === 'cpu' ? run.hardware : `${run.hardware} (${run.device})`],
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

function timesOf(run: ReportedRun): Array<readonly [string, Content]> {
  const { seconds, epochs, imagesPerSecond, resumed, best, path } = run;
  const features =
    seconds.features > 0.005
      ? `, of it ${duration(seconds.features)} for the frozen backbone’s features`
      : '';
  const sorted = epochs.map((epoch) => epoch.seconds).sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  return [
    ['time', `${duration(seconds.total)}${features}`],
    ...(middle === undefined ? [] : [['an epoch', `${duration(middle)} (the median)`] as const]),
    ...(imagesPerSecond > 0
      ? [['speed', `${count(imagesPerSecond)} training pictures a second`] as const]
      : []),
    ['end', endingOf(run).text],
    ['best epoch', best ? `${best.epoch} of ${epochs.length}; its model is best.safetensors` : 'none'],
    [
      'resumed',
      resumed.length === 0
        ? 'no, it ran in one go'
        : resumed
            .map(({ epoch, batch }) => `after epoch ${epoch}${batch > 0 ? ` and ${batch} batches` : ''}`)
            .join(', '),
    ],
    ['directory', path],
  ];
}

/** What trained when, where that changes. */
function stages(run: ReportedRun): Content {
  const options = knownOptions(run);
  const planned = options ? stagesOf(options) : [];
  if (planned.length < 2) return null;
  return dataTable({
    caption: 'Stages, one after another',
    heading: ['stage', 'frozen', 'epochs', 'learning rate'],
    rows: planned.map((stage, index) => {
      const epochs = run.epochs.filter((epoch) => epoch.stage === index + 1);
      const [first, last] = [epochs[0], epochs.at(-1)];
      return [
        `${index + 1}${stage.name === undefined ? '' : `: ${stage.name}`}`,
        frozenText(stage.freeze),
        `${epochs.length} of ${stage.epochs}`,
        first && last ? `${shortNumber(first.lr)} to ${shortNumber(last.lr)}` : '-',
      ];
    }),
    text: true,
  });
}

function frozenText(freeze: unknown): string {
  if (freeze === undefined) return 'as before';
  if (Array.isArray(freeze)) return freeze.length === 0 ? 'nothing' : freeze.map(frozenText).join(', ');
  if (typeof freeze === 'object' && freeze !== null && 'through' in freeze)
    return `all through ${freeze.through}`;
  return String(freeze);
}

function skippedPictures({ dataset: { skipped } }: ReportedRun): Content {
  if (skipped.length === 0) return null;
  return html`<details><summary>${count(skipped.length)} pictures were left out</summary>${dataTable({
    caption: 'They cannot be decoded',
    heading: ['picture', 'reason'],
    rows: skipped.map(({ path, reason }) => [path, reason]),
    text: true,
  })}</details>`;
}

/** Everything needed to run it again. */
export function repeatSection(run: ReportedRun): Html {
  const words = commandOf(run);
  return html`<section id="repeat"><h2>Run it again</h2>
<p>From the run’s directory, with all of its options:</p>
${command(['run', '--config', `${run.path}/config.json`])}
${words === null ? null : html`<p>Or written out; all else is by default:</p>${command(words)}`}
<p>With the same versions, pictures, seed, precision and number of threads a CPU comes to the same bits.${
    run.weights.sha256 === null
      ? null
      : html` The weights’ SHA-256 must be <code class="hash">${run.weights.sha256}</code>.`
  }</p>
<details><summary>config.json, whole: save it and give it to <code>torch-tl run --config</code></summary><pre><code>${run.config}</code></pre></details>
</section>`;
}

/** A line for a shell. */
export function command(words: readonly string[]): Html {
  return html`<pre><code>torch-tl ${shellText(words)}</code></pre>`;
}
