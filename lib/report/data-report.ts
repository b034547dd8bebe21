import type { CheckedImage, DataCheck, ExactTwins, NearTwinPair } from '../data/check/check.ts';
import { filesText, foundText, worstFirst } from '../data/check/text.ts';
import type { Dataset } from '../data/dataset.ts';
import { imageImage } from '../experiments/shown-images.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { count } from '../support/format.ts';
import { type Html, html } from './html.ts';
import { contents, page } from './page.ts';
import { requireReplaceable } from './report-file.ts';
import { dataTable, facts } from './table.ts';

/** Number of groups and of pairs that are shown; of one group, number of images that are shown and that are named. */
const SHOWN = 200;
const SHOWN_OF_GROUP = 6;
const NAMED_OF_GROUP = 20;

/** With more classes their table is collapsed. */
const MAX_CLASSES = 20;

/** The images of checked data. */
export interface CheckedSets {
  train: Dataset;
  valid?: Dataset | undefined;
}

/**
 * Writes what `Dataset.check` found as a self-contained HTML file, with twins side by side. An existing report is
 * replaced.
 *
 * @param sets the data that was checked
 * @throws InputError `OUTPUT_EXISTS` if `file` exists and is not a report, `FILE_UNREADABLE`; TorchTlError
 *   `WRITE_FAILED` or `DISPOSED`
 */
export async function writeDataReport(check: DataCheck, sets: CheckedSets, file: string): Promise<void> {
  await requireReplaceable(file, '--report');
  const report = await dataReport(check, sets);
  await writeFileAtomically(file, [Buffer.from(report.text)]);
}

async function dataReport(check: DataCheck, sets: CheckedSets): Promise<Html> {
  const near = check.nearTwins ?? [];
  const exact = await figures(worstFirst(check.exactTwins), sets);
  const pairs = await figures(worstFirst(near), sets);
  return page({
    title: `Check of ${check.name}`,
    body: html`<header>
<h1>Check of ${check.name}</h1>
<p class="lede">${count(check.train)} training images${check.valid === null ? null : ` and ${count(check.valid)} validation images`} of ${count(check.classes.length)} classes, from ${check.source}.</p>
${check.warnings.map(({ message }) => html`<p class="warning">${message}</p>\n`)}
${contents([
  ['found', 'Found'],
  ['exact', 'Exact twins'],
  ['near', 'Near twins'],
  ['images', 'Images'],
])}
</header>
<main>
<section id="found"><h2>Found</h2>
${dataTable({
  caption:
    'Twins across parts are in the training and in the validation images; those of several classes have different labels.',
  heading: ['found', 'number', 'across parts', 'of several classes'],
  rows: foundText(check),
})}
${undecodable(check)}
</section>
${gallery('exact', 'Exact twins', 'Images with equal pixels.', exact, check.exactTwins.length)}
${gallery('near', 'Near twins', 'Images that show the same but for size, encoding, mirroring, brightness or contrast. Look at them: some are only alike.', pairs, near.length)}
${imagesSection(check)}
</main>`,
  });
}

function undecodable({ undecodable }: DataCheck): Html | null {
  if (undecodable.length === 0) return null;
  return dataTable({
    caption: 'Images that cannot be decoded',
    heading: ['path', 'reason'],
    rows: undecodable.map(({ path, reason }) => [path, reason]),
    text: true,
  });
}

function imagesSection({ classes, files, valid }: DataCheck): Html {
  const columns = valid === null ? 2 : 3;
  const table = dataTable({
    caption: 'Images per class',
    heading: ['class', 'train', 'valid'].slice(0, columns),
    rows: classes.map(({ name, train, valid }) => [name, count(train), count(valid)].slice(0, columns)),
  });
  return html`<section id="images"><h2>Images</h2>
${files ? facts(filesText(files).map((line) => line.split(': ', 2) as [string, string])) : null}
${
  classes.length > MAX_CLASSES
    ? html`<details><summary>All ${count(classes.length)} classes</summary>${table}</details>`
    : table
}
</section>`;
}

function gallery(id: string, title: string, note: string, figures: readonly Html[], all: number): Html {
  const rest = all - figures.length;
  return html`<section id="${id}"><h2>${title}</h2>
${
  figures.length === 0
    ? html`<p>There are none.</p>`
    : html`<p class="note">${note}</p>
<div class="gallery">${figures}</div>
${rest > 0 ? html`<p>And ${count(rest)} more, which --json lists.</p>` : null}`
}
</section>`;
}

/** One after the other, since each opens files. */
async function figures(all: ReadonlyArray<ExactTwins | NearTwinPair>, sets: CheckedSets): Promise<Html[]> {
  const shown: Html[] = [];
  for (const twins of all.slice(0, SHOWN)) shown.push(await figure(twins, sets));
  return shown;
}

async function figure(twins: ExactTwins | NearTwinPair, sets: CheckedSets): Promise<Html> {
  const some = twins.images.slice(0, SHOWN_OF_GROUP);
  const shown = await Promise.all(some.map((image) => shownImage(image, sets)));
  const labels = [...new Set(twins.images.map(({ label }) => label))];
  return html`<figure><div class="images">${some.map(
    ({ path, label }, place) => html`<img src="${shown[place] as string}" alt="${label}: ${path}">`,
  )}</div>
<figcaption><b>${labels.join(' and ')}</b>${twins.acrossParts ? ', in training and validation' : null}${
    'mirrored' in twins && twins.mirrored ? ', mirrored' : null
  }
${twins.images
  .slice(0, NAMED_OF_GROUP)
  .map(
    ({ path, part, label }) =>
      html`<br><small>${path} (${part}${labels.length > 1 ? `, ${label}` : null})</small>`,
  )}${
  twins.images.length > NAMED_OF_GROUP
    ? html`<br><small>and ${count(twins.images.length - NAMED_OF_GROUP)} more</small>`
    : null
}</figcaption></figure>\n`;
}

async function shownImage({ part, index }: CheckedImage, { train, valid }: CheckedSets): Promise<string> {
  const set = part === 'train' || !valid ? train : valid;
  const { imageSize: side } = set;
  return imageImage({ data: await set.pixelsAt(index), width: side, height: side, channels: 3 });
}
