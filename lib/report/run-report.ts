import { MEASURES, measuresOf, measureText } from '../experiments/beside-paper.ts';
import { experiments } from '../experiments/paper.ts';
import { count } from '../support/format.ts';
import { curvesSection } from './curves.ts';
import { endingOf } from './ending.ts';
import { type Content, type Html, html } from './html.ts';
import { labelIssuesSection } from './label-issues-section.ts';
import { contents, page } from './page.ts';
import type { ReportedRun } from './read-run.ts';
import { resultsSection } from './results-section.ts';
import { repeatSection, setupSection } from './setup-section.ts';
import { validationSection } from './validation-section.ts';

/** Builds the report of one run. */
export function runReport(run: ReportedRun): Html {
  const ending = endingOf(run);
  return page({
    title: `${run.experiment} on ${run.dataset.name}: ${ending.status}`,
    body: html`<header>
<h1><code>${run.experiment}</code> on ${run.dataset.name}</h1>
<p class="lede">${lede(run)}</p>
<p class="${ending.isComplete ? 'note' : 'warning'}">${ending.text}</p>
${tiles(run)}
${contents([
  ['results', 'Results'],
  ['curves', 'Curves'],
  ['validation', 'Validation'],
  ...(run.validation?.labelIssues ? [['labels', 'Labels'] as const] : []),
  ['setup', 'Setup'],
  ['repeat', 'Reproduce'],
])}
</header>
<main>
${resultsSection(run)}
${curvesSection(run)}
${validationSection(run)}
${labelIssuesSection(run)}
${setupSection(run)}
${repeatSection(run)}
</main>`,
  });
}

function lede({ experiment, dataset, imageSize, weights, init, folds }: ReportedRun): Content {
  const what =
    experiment === 'train'
      ? html`Classifier for your own images`
      : html`Experiment of the paper: ${experiments[experiment].title}`;
  const start = init === 'random' ? 'with random weights' : html`with the weights <b>${weights.source}</b>`;
  return html`${what}. DenseNet-121, initialised ${start}, was trained on ${count(dataset.train)} images at ${imageSize} × ${imageSize} pixels
${dataset.valid > 0 ? `and validated on ${count(dataset.valid)} others` : (folds && `after a cross-validation in ${folds.folds.length} folds`) || 'without validation'}.`;
}

function tiles(run: ReportedRun): Html {
  const measures = measuresOf(run);
  const none = run.dataset.valid > 0 ? 'no epoch has ended' : 'nothing was validated';
  const where = run.folds
    ? 'out of fold, over all images'
    : `epoch ${run.best?.epoch} of ${run.epochs.length}`;
  const notes: Record<string, string> = {
    accuracy: measures.accuracy === null ? none : where,
    loss: measures.loss === null ? none : run.folds ? 'out of fold' : 'same epoch',
    seconds: run.device === 'cpu' ? run.hardware : `${run.hardware} (${run.device})`,
    trainableParameters: `of ${count(run.totalParameters)} in total`,
  };
  return html`<dl class="tiles">${MEASURES.map(
    (
      measure,
    ) => html`<div><dt>${measure.name}</dt><dd>${measureText(measures, measure)}<small>${notes[measure.key] ?? ''}</small></dd></div>
`,
  )}</dl>`;
}
