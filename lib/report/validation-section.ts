import { AT_LIMIT, calibrationText } from '../experiments/calibration-text.ts';
import type { ValidationReport } from '../experiments/validation.ts';
import { type Confusion, classifiedAs, confusions, type Evaluation } from '../model/evaluate.ts';
import { count, percent } from '../support/format.ts';
import { INTERVALS, shareText } from '../support/interval.ts';
import { confusionTable, MAX_CLASSES } from './confusion.ts';
import { type Content, type Html, html } from './html.ts';
import { mistakesGallery } from './mistakes.ts';
import type { ReportedRun } from './read-run.ts';
import { reliabilityChart } from './reliability.ts';
import { dataTable, facts } from './table.ts';

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
<div class="halves"><div>${facts([
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
<p class="note">The calibration error is the mean difference between the predicted probability and the accuracy at that probability.</p></div>
${reliabilityChart(evaluation)}</div>
<div class="beside"><div><h3>${classes.length > MAX_CLASSES ? 'Confusions' : 'Confusion matrix'}</h3>
${confusionTable(evaluation)}</div>
<div><h3>Metrics per class</h3>
${perClass(run, evaluation)}</div></div>
<h3>Worst mistakes</h3>
${mistakesGallery(mistakes)}
</section>`;
}

/** The cell of a class's numbers of images, and what they are; runs of earlier versions did not record those for training. */
function imagesOf({ dataset: { classCounts }, folds }: ReportedRun) {
  const training = new Map(classCounts.map(({ name, train }) => [name, train]));
  if (folds || training.size === 0)
    return { note: '', cell: (_: string, judged: number): Content => count(judged) };
  return {
    note: ' Images: for training + for validation.',
    cell: (label: string, judged: number): Content =>
      html`${count(training.get(label) ?? 0)} + ${count(judged)}`,
  };
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

function perClass(run: ReportedRun, { perClass, confusion }: Evaluation): Html {
  const counted = imagesOf(run);
  const metrics = perClass.map((one, index) => ({ ...one, index }));
  const many = metrics.length > MAX_CLASSES;
  const ordered = many ? [...metrics].sort((a, b) => a.f1 - b.f1) : metrics;
  const table = dataTable({
    caption: `Precision: fraction of the images classified as a class that belong to it. Recall: fraction of the images of a class that are classified as it. F1: harmonic mean of both. ${INTERVALS}${counted.note}${many ? ' Lowest F1 first.' : ''}`,
    heading: ['class', 'precision', 'recall', 'F1', 'images'],
    rows: ordered.map(({ label, precision, recall, f1, index, count: images }) => [
      label,
      shareText(precision, classifiedAs(index, confusion)),
      shareText(recall, images),
      percent(f1),
      counted.cell(label, images),
    ]),
    isNarrow: true,
  });
  return many ? html`<details><summary>All ${metrics.length} classes</summary>${table}</details>` : table;
}
