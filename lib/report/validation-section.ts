import type { Mistake, ValidationReport } from '../experiments/validation.ts';
import { type ClassMetrics, type Confusion, confusions } from '../model/evaluate.ts';
import { count, percent } from '../support/format.ts';
import { type Content, type Html, html } from './html.ts';
import type { ReportedRun } from './read-run.ts';
import { captioned, dataTable, facts } from './table.ts';

/** Of more classes only the commonest confusions are shown. */
const MOST_CLASSES = 20;
const MOST_PAIRS = 20;
/** The others unfold. */
const FIRST_MISTAKES = 12;

/** Where the best model is right and where it errs. */
export function validationSection(run: ReportedRun): Html {
  const { validation } = run;
  if (!validation) return missing();
  const { evaluation, mistakes } = validation;
  const { classes, confusion } = evaluation;
  const pairs = confusions(confusion);
  return html`<section id="validation"><h2>Where it is right, and where it errs</h2>
${stale(run, validation)}
<p>${summary(validation, pairs)}</p>
${facts([
  ['accuracy', percent(evaluation.accuracy)],
  ...(classes.length > 5 ? [['among its first five', percent(evaluation.top5Accuracy)] as const] : []),
  ['loss', evaluation.loss.toFixed(4)],
  ['calibration error', percent(evaluation.calibrationError)],
])}
<p class="note">The calibration error says how far, in the mean, the probability it gives is from how often it is right.</p>
<h3>What is taken for what</h3>
${classes.length > MOST_CLASSES ? pairsTable(classes, pairs) : matrix(classes, confusion)}
<h3>Class by class</h3>
${perClass(evaluation.perClass)}
<h3>The worst mistakes</h3>
${gallery(mistakes)}
</section>`;
}

function missing(): Html {
  return html`<section id="validation"><h2>Where it is right, and where it errs</h2>
<p>The run has no <code>validation.json</code>, which is written at its end: confusion matrix and mistakes are not known here.</p>
</section>`;
}

function stale({ best }: ReportedRun, { epoch }: ValidationReport): Content {
  if (best === null || best.epoch === epoch) return null;
  return html`<p class="warning">What follows is of the model of epoch ${epoch}; since then epoch ${best.epoch} has become the best.</p>`;
}

function summary({ epoch, evaluation }: ValidationReport, [worst]: Confusion[]): Content {
  const { count: images, perClass: metrics } = evaluation;
  const seen = metrics.filter((metric) => metric.count > 0).sort((a, b) => b.f1 - a.f1);
  const [best, weakest] = [seen[0], seen.at(-1)];
  const parts: Content[] = [html`The model of epoch ${epoch}, on ${count(images)} validation images.`];
  if (best && weakest && best !== weakest) {
    parts.push(html` It knows <b>${best.label}</b> best and <b>${weakest.label}</b> worst.`);
  }
  const [label, taken] = [metrics[worst?.label ?? -1]?.label, metrics[worst?.predicted ?? -1]?.label];
  if (worst && label !== undefined && taken !== undefined) {
    parts.push(
      html` Most often <b>${label}</b> is taken for <b>${taken}</b>: ${count(worst.images)} of ${count(metrics[worst.label]?.count ?? 0)} images.`,
    );
  } else parts.push(' It makes no mistake.');
  return parts;
}

/** Numbers of images, the more of its row's the darker. */
function matrix(classes: readonly string[], confusion: readonly (readonly number[])[]): Html {
  const rows = confusion.map((row, label) => {
    const whole = row.reduce((sum, images) => sum + images, 0);
    const cells = row.map((images, taken) => {
      const share = whole === 0 ? 0 : images / whole;
      const kind = taken === label ? 'right' : images > 0 ? 'wrong' : 'none';
      return html`<td class="${kind}" style="--share:${Math.round(share * 100)}%">${images}</td>`;
    });
    return html`<tr><th scope="row">${classes[label] ?? ''}</th>${cells}</tr>\n`;
  });
  return captioned(
    'Images: a row for what they are, a column for what they are taken for',
    html`<table class="matrix">
<thead><tr><td></td>${classes.map((name) => html`<th scope="col"><span>${name}</span></th>`)}</tr></thead>
<tbody>${rows}</tbody></table>`,
  );
}

function pairsTable(classes: readonly string[], pairs: readonly Confusion[]): Html {
  const shown = pairs.slice(0, MOST_PAIRS);
  return dataTable({
    caption: `The ${shown.length} commonest confusions of ${count(pairs.length)}; ${classes.length} classes are too many for a matrix`,
    heading: ['what it is', 'taken for', 'images'],
    rows: shown.map(({ label, predicted, images }) => [
      classes[label] ?? '',
      classes[predicted] ?? '',
      count(images),
    ]),
  });
}

function perClass(metrics: readonly ClassMetrics[]): Html {
  const many = metrics.length > MOST_CLASSES;
  const ordered = many ? [...metrics].sort((a, b) => a.f1 - b.f1) : metrics;
  const table = dataTable({
    caption: `Precision: of what it calls so, how much is; recall: of what is so, how much it finds; F1: their harmonic mean${many ? '. The weakest first' : ''}`,
    heading: ['class', 'precision', 'recall', 'F1', 'images'],
    rows: ordered.map(({ label, precision, recall, f1, count: images }) => [
      label,
      percent(precision),
      percent(recall),
      percent(f1),
      count(images),
    ]),
  });
  return many ? html`<details><summary>All ${metrics.length} classes</summary>${table}</details>` : table;
}

function gallery(mistakes: readonly Mistake[]): Html {
  if (mistakes.length === 0) return html`<p>There are none to show.</p>`;
  const rest = mistakes.slice(FIRST_MISTAKES);
  const note = mistakes.some(({ activation }) => activation !== undefined)
    ? ' The second image has the class-activation map (Grad-CAM) of the answer over it: what is warm spoke for it.'
    : null;
  return html`<p class="note">Those whose true class it gave the least probability, the least first.${note}</p>
${figures(mistakes.slice(0, FIRST_MISTAKES))}
${rest.length === 0 ? null : html`<details><summary>${rest.length} more</summary>${figures(rest)}</details>`}`;
}

function figures(mistakes: readonly Mistake[]): Html {
  return html`<div class="gallery">${mistakes.map(mistakeFigure)}</div>`;
}

function mistakeFigure({ source, label, top, image, activation }: Mistake): Html {
  const taken = top[0]?.label ?? '';
  return html`<figure><div class="images"><img src="${image}" alt="${label}: ${source}">${
    activation === undefined
      ? null
      : html`<img src="${activation}" alt="The same with the class-activation map for ${taken}">`
  }</div>
<figcaption><b>${label}</b>, taken for <b>${taken}</b>
<ol>${top.map(
    (guess) =>
      html`<li><span>${guess.label}</span> <span>${percent(guess.probability)}</span><i style="--share:${share(guess.probability)}%"></i></li>`,
  )}</ol>
<small>${source}</small></figcaption></figure>\n`;
}

function share(probability: number): number {
  return Math.round(Math.min(Math.max(probability, 0), 1) * 100);
}
