import { AT_LIMIT, calibrationText } from '../experiments/calibration-text.ts';
import type { Mistake, ValidationReport } from '../experiments/validation.ts';
import { type Confusion, classifiedAs, confusions, type Evaluation } from '../model/evaluate.ts';
import { count, percent } from '../support/format.ts';
import { INTERVALS, shareText } from '../support/interval.ts';
import { type Content, type Html, html } from './html.ts';
import type { ReportedRun } from './read-run.ts';
import { captioned, dataTable, facts } from './table.ts';

/** Maximum number of classes for a confusion matrix; with more, the most frequent confusions are listed. */
const MAX_CLASSES = 20;
/** Maximum number of confusions in that list. */
const MAX_PAIRS = 20;
/** Number of mistakes that are shown at first; the others are collapsed. */
const FIRST_MISTAKES = 12;

/** Metrics, confusion matrix and mistakes of the best model on the validation images. */
export function validationSection(run: ReportedRun): Html {
  const { validation } = run;
  if (!validation) return missing(run);
  const { evaluation, mistakes } = validation;
  const { classes, confusion } = evaluation;
  const pairs = confusions(confusion);
  return html`<section id="validation"><h2>Validation</h2>
${stale(run, validation)}
<p>${judged(run, validation)}${summary(validation, pairs)}</p>
${facts([
  ['accuracy', shareText(evaluation.accuracy, evaluation.count)],
  ...(classes.length > 5
    ? [['top-5 accuracy', shareText(evaluation.top5Accuracy, evaluation.count)] as const]
    : []),
  ['balanced accuracy', percent(evaluation.balancedAccuracy)],
  ['macro F1', percent(evaluation.macroF1)],
  ['loss', evaluation.loss.toFixed(4)],
  ['calibration error', percent(evaluation.calibrationError)],
  ...(run.calibration ? [['calibrated', calibrationText(run.calibration)] as const] : []),
])}
${run.calibration?.isAtLimit ? html`<p class="warning">${AT_LIMIT}</p>` : null}
<p class="note">The calibration error is the mean difference between the predicted probability and the accuracy at that probability.</p>
<h3>Confusion matrix</h3>
${classes.length > MAX_CLASSES ? pairsTable(classes, pairs) : matrix(classes, confusion)}
<h3>Metrics per class</h3>
${perClass(evaluation)}
<h3>Worst mistakes</h3>
${gallery(mistakes)}
</section>`;
}

function missing({ dataset }: ReportedRun): Html {
  if (dataset.valid === 0) {
    return html`<section id="validation"><h2>Validation</h2>
<p>Nothing was validated. To judge the model, evaluate it on labelled images that it was not trained on.</p>
</section>`;
  }
  return html`<section id="validation"><h2>Validation</h2>
<p>The run has no <code>validation.json</code>, which is written when a run ends. Confusion matrix and mistakes are missing.</p>
</section>`;
}

function stale({ best, folds }: ReportedRun, { epoch }: ValidationReport): Content {
  if (best === null || folds || best.epoch === epoch) return null;
  return html`<p class="warning">This section describes the model of epoch ${epoch}; epoch ${best.epoch} has become the best since.</p>`;
}

/** Which model has judged which images. */
function judged({ folds }: ReportedRun, { epoch, evaluation }: ValidationReport): Content {
  const images = count(evaluation.count);
  return folds
    ? `Results on all ${images} images, each judged by the model of a fold that has not seen it.`
    : `Results of the model of epoch ${epoch} on ${images} validation images.`;
}

function summary({ evaluation }: ValidationReport, [worst]: Confusion[]): Content {
  const { perClass: metrics } = evaluation;
  const seen = metrics.filter((metric) => metric.count > 0).sort((a, b) => b.f1 - a.f1);
  const [best, weakest] = [seen[0], seen.at(-1)];
  const parts: Content[] = [];
  if (best && weakest && best !== weakest) {
    parts.push(
      html` The class with the highest F1 is <b>${best.label}</b>, the one with the lowest is <b>${weakest.label}</b>.`,
    );
  }
  const [label, predicted] = [metrics[worst?.label ?? -1]?.label, metrics[worst?.predicted ?? -1]?.label];
  if (worst && label !== undefined && predicted !== undefined) {
    parts.push(
      html` The most frequent confusion: ${count(worst.images)} of ${count(metrics[worst.label]?.count ?? 0)} images of <b>${label}</b> are classified as <b>${predicted}</b>.`,
    );
  } else parts.push(' All images are classified correctly.');
  return parts;
}

/** Confusion matrix in numbers of images; a cell is darker the larger its fraction of the row is. */
function matrix(classes: readonly string[], confusion: readonly (readonly number[])[]): Html {
  const rows = confusion.map((row, label) => {
    const whole = row.reduce((sum, images) => sum + images, 0);
    const cells = row.map((images, predicted) => {
      const share = whole === 0 ? 0 : images / whole;
      const kind = predicted === label ? 'right' : images > 0 ? 'wrong' : 'none';
      return html`<td class="${kind}" style="--share:${Math.round(share * 100)}%">${images}</td>`;
    });
    return html`<tr><th scope="row">${classes[label] ?? ''}</th>${cells}</tr>\n`;
  });
  return captioned(
    'Number of images by true class (rows) and predicted class (columns)',
    html`<table class="matrix">
<thead><tr><td></td>${classes.map((name) => html`<th scope="col"><span>${name}</span></th>`)}</tr></thead>
<tbody>${rows}</tbody></table>`,
  );
}

function pairsTable(classes: readonly string[], pairs: readonly Confusion[]): Html {
  const shown = pairs.slice(0, MAX_PAIRS);
  return dataTable({
    caption: `The ${shown.length} most frequent confusions of ${count(pairs.length)}; ${classes.length} classes are too many for a matrix`,
    heading: ['true class', 'predicted class', 'images'],
    rows: shown.map(({ label, predicted, images }) => [
      classes[label] ?? '',
      classes[predicted] ?? '',
      count(images),
    ]),
  });
}

function perClass({ perClass, confusion }: Evaluation): Html {
  const metrics = perClass.map((one, index) => ({ ...one, index }));
  const many = metrics.length > MAX_CLASSES;
  const ordered = many ? [...metrics].sort((a, b) => a.f1 - b.f1) : metrics;
  const table = dataTable({
    caption: `Precision: fraction of the images classified as a class that belong to it. Recall: fraction of the images of a class that are classified as it. F1: harmonic mean of both. ${INTERVALS}${many ? ' Lowest F1 first.' : ''}`,
    heading: ['class', 'precision', 'recall', 'F1', 'images'],
    rows: ordered.map(({ label, precision, recall, f1, index, count: images }) => [
      label,
      shareText(precision, classifiedAs(index, confusion)),
      shareText(recall, images),
      percent(f1),
      count(images),
    ]),
  });
  return many ? html`<details><summary>All ${metrics.length} classes</summary>${table}</details>` : table;
}

function gallery(mistakes: readonly Mistake[]): Html {
  if (mistakes.length === 0) return html`<p>There are no mistakes to show.</p>`;
  const rest = mistakes.slice(FIRST_MISTAKES);
  const note = mistakes.some(({ activation }) => activation !== undefined)
    ? ' The second image shows the class-activation map (Grad-CAM) of the predicted class: warm areas support the prediction.'
    : null;
  return html`<p class="note">Misclassified images, lowest probability of the true class first.${note}</p>
${figures(mistakes.slice(0, FIRST_MISTAKES))}
${rest.length === 0 ? null : html`<details><summary>${rest.length} more</summary>${figures(rest)}</details>`}`;
}

function figures(mistakes: readonly Mistake[]): Html {
  return html`<div class="gallery">${mistakes.map(mistakeFigure)}</div>`;
}

function mistakeFigure({ source, label, top, image, activation }: Mistake): Html {
  const predicted = top[0]?.label ?? '';
  return html`<figure><div class="images"><img src="${image}" alt="${label}: ${source}">${
    activation === undefined
      ? null
      : html`<img src="${activation}" alt="The same with the class-activation map for ${predicted}">`
  }</div>
<figcaption><b>${label}</b> classified as <b>${predicted}</b>
<ol>${top.map(
    (guess) =>
      html`<li><span>${guess.label}</span> <span>${percent(guess.probability)}</span><i style="--share:${share(guess.probability)}%"></i></li>`,
  )}</ol>
<small>${source}</small></figcaption></figure>\n`;
}

function share(probability: number): number {
  return Math.round(Math.min(Math.max(probability, 0), 1) * 100);
}
