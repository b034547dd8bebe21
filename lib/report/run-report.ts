import { MEASURES, measuresOf, measureText } from '../experiments/beside-paper.ts';
import { experiments } from '../experiments/paper.ts';
import { count } from '../support/format.ts';
import { commandOf } from './command.ts';
import { curvesSection } from './curves.ts';
import { endingOf } from './ending.ts';
import { type Content, type Html, html } from './html.ts';
import { labelIssuesSection } from './label-issues-section.ts';
import { type Neighbours, NO_NEIGHBOURS, neighbourLinks } from './links.ts';
import { contents, page } from './page.ts';
import type { ReportedRun } from './read-run.ts';
import { resultsSection } from './results-section.ts';
import { samplesSection } from './samples-section.ts';
import { command, configWords, repeatSection, setupSection } from './setup-section.ts';
import { figure } from './table.ts';
import { validationSection } from './validation-section.ts';

/** A section of a run's report: the anchor and name of its link, and a whole `<section>`. */
export interface RunSection {
  id: string;
  name: string;
  content: Html;
}

/** Builds the report of one run, with links to the reports near it. */
export function runReport(run: ReportedRun, neighbours: Neighbours = NO_NEIGHBOURS): Html {
  const sections = runSections(run);
  return page({
    title: `${run.experiment} on ${run.dataset.name}: ${endingOf(run).status}`,
    body: html`<header>
${runHeading(run)}
${contents(sections.map(({ id, name }) => [id, name] as const))}
${neighbourLinks(neighbours)}
</header>
<main>
${sections.map(({ content }) => html`${content}\n`)}</main>`,
  });
}

/**
 * What stands above the sections: what was trained, how the run ended or that it has not, and its figures.
 *
 * @param state says how the run stands; by default how it ended
 */
export function runHeading(run: ReportedRun, state: Content = endingParagraph(run)): Html {
  return html`<h1><code>${run.experiment}</code> on ${run.dataset.name}</h1>
<p class="lede">${lede(run)}</p>
${state}
${tiles(run)}
${madeBy(run)}`;
}

/** The command that repeats the run. */
function madeBy(run: ReportedRun): Html {
  return html`<div class="made"><span>Command</span>${command(commandOf(run) ?? configWords(run))}</div>`;
}

/** A paragraph that says how a run ended. */
export function endingParagraph(run: ReportedRun): Html {
  const { isComplete, text } = endingOf(run);
  return html`<p class="${isComplete ? 'note' : 'warning'}">${text}</p>`;
}

/** The sections of a run's report in their order, of a finished or unfinished run. */
export function runSections(run: ReportedRun): RunSection[] {
  const labels = labelIssuesSection(run);
  const samples = samplesSection(run);
  return [
    { id: 'results', name: 'Results', content: resultsSection(run) },
    { id: 'curves', name: 'Curves', content: curvesSection(run) },
    { id: 'validation', name: 'Validation', content: validationSection(run) },
    ...(labels === null ? [] : [{ id: 'labels', name: 'Labels', content: labels }]),
    ...(samples === null ? [] : [{ id: 'images', name: 'Images', content: samples }]),
    { id: 'setup', name: 'Setup', content: setupSection(run) },
    { id: 'repeat', name: 'Reproduce', content: repeatSection(run) },
  ];
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
    ) => html`<div><dt>${measure.name}</dt><dd>${figure(measureText(measures, measure))}<small>${notes[measure.key] ?? ''}</small></dd></div>
`,
  )}</dl>`;
}
