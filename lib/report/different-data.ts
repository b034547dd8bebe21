import { count } from '../support/format.ts';
import { type Content, html } from './html.ts';
import type { NamedRun } from './named-run.ts';

/** What runs must share for their accuracies to compare. */
const SHARED: ReadonlyArray<{ name: string; of: (run: NamedRun['run']) => string }> = [
  { name: 'the data sets', of: ({ dataset }) => dataset.name },
  { name: 'their sources', of: ({ dataset }) => dataset.source },
  { name: 'the classes', of: ({ classes }) => JSON.stringify(classes) },
  { name: 'the numbers of validation images', of: ({ dataset }) => String(dataset.valid) },
];

/** Whether runs were validated on so different data that their accuracies do not simply compare. */
export function haveDifferentData(runs: readonly NamedRun[]): boolean {
  return differencesOf(runs).length > 0;
}

function differencesOf(runs: readonly NamedRun[]): typeof SHARED {
  return SHARED.filter(({ of }) => new Set(runs.map(({ run }) => of(run))).size > 1);
}

/** Says that runs have different data, and how; null if they have the same, as far as they recorded it. */
export function differentData(runs: readonly NamedRun[]): Content {
  const differing = differencesOf(runs);
  if (differing.length === 0) return differentImages(runs);
  const names = differing.map(({ name }) => name);
  return html`<p class="warning">The runs have different data, so their accuracies compare only with care. Different are ${listOf(names)}:
${[...byData(runs)].map(([data, named], place) => html`${place === 0 ? '' : '; '}<b>${listOf(named)}</b>: ${data}`)}.</p>`;
}

/** Names of the runs by their data in words. */
function byData(runs: readonly NamedRun[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { name, run } of runs) found.set(dataOf(run), [...(found.get(dataOf(run)) ?? []), name]);
  return found;
}

/** The same data set may be split in another way, as with another seed. Keys of images depend on how they are decoded. */
function differentImages(runs: readonly NamedRun[]): Content {
  const manifests = runs.map(({ run }) => run.dataset.manifest?.sha256);
  const decodings = new Set(runs.map(({ run }) => `${run.imageSize} ${run.options.resize}`));
  if (decodings.size > 1 || manifests.includes(undefined) || new Set(manifests).size === 1) return null;
  return html`<p class="note">The runs have the same data set, but not all of the same images for training and for validation: the
hashes of their <code>images.csv</code> differ, as they do after splits with different seeds or with different limits.</p>`;
}

function dataOf({ dataset, classes }: NamedRun['run']): string {
  const { name, source, train, valid } = dataset;
  return `${name} (${source}) with ${count(classes.length)} classes, ${count(train)} training and ${count(valid)} validation images`;
}

function listOf(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
