import type { ClassSamples } from '../experiments/samples.ts';
import { count, images } from '../support/format.ts';
import { type Html, html } from './html.ts';
import type { ReportedRun } from './read-run.ts';

/** A few training images of each class; null for a run that kept none. */
export function samplesSection({ samples, classes, dataset }: ReportedRun): Html | null {
  if (samples === null || samples.length === 0) return null;
  const most = Math.max(...samples.map((of) => of.images.length));
  const which = most === 1 ? 'The first training image' : `The first ${most} training images`;
  const ofThem =
    samples.length < classes.length
      ? `the first ${samples.length} of ${count(classes.length)} classes`
      : 'each class';
  const training = new Map(dataset.classCounts.map(({ name, train }) => [name, train]));
  return html`<section id="images"><h2>Images</h2>
<p>${which} of ${ofThem}.${dataset.manifest ? html` <code>${dataset.manifest.file}</code> in the run directory lists all images.` : null}</p>
<div class="gallery samples">${samples.map((of) => figure(of, training.get(of.label)))}</div>
</section>`;
}

function figure({ label, images: shown }: ClassSamples, training: number | undefined): Html {
  const counted = training === undefined ? null : html` <small>${images(training)}</small>`;
  return html`<figure><div class="images">${shown.map(
    (image, index) => html`<img src="${image}" alt="${label}, training image ${index + 1} of the class">`,
  )}</div><figcaption><b>${label}</b>${counted}</figcaption></figure>\n`;
}
