import {
  differencesOf,
  MEASURES,
  measuresOf,
  measureText,
  paperMeasures,
} from '../experiments/beside-paper.ts';
import { monitorName } from '../experiments/monitor-text.ts';
import { experiments } from '../experiments/paper.ts';
import { count, percent } from '../support/format.ts';
import { INTERVALS, wilsonInterval } from '../support/interval.ts';
import { foldsSection } from './folds-section.ts';
import { type Content, type Html, html } from './html.ts';
import type { ReportedRun } from './read-run.ts';
import { dataTable } from './table.ts';

/** Results of a run. For one of the paper's experiments also the paper's results and the differences in setup. */
export function resultsSection(run: ReportedRun): Html {
  return html`<section id="results"><h2>Results</h2>
${run.experiment === 'train' ? null : besidePaper(run, run.experiment)}
${uncertainty(run)}
</section>`;
}

function besidePaper(run: ReportedRun, name: keyof typeof experiments): Html {
  const { paper } = experiments[name];
  const here = measuresOf(run);
  const there = paperMeasures(paper);
  return html`<div class="halves">${dataTable({
    caption: `${name} here and in the paper. ${INTERVALS}`,
    heading: ['', 'here', 'paper', 'here / paper'],
    rows: MEASURES.map((measure) => [
      measure.name,
      measureText(here, measure),
      measureText(there, measure),
      ratio(here[measure.key], there[measure.key]),
    ]),
    isNarrow: true,
  })}
${dataTable({
  caption: 'Differences in setup',
  heading: ['setting', 'here', 'paper'],
  rows: differencesOf(run, paper),
  text: true,
})}</div>
<p class="note">The paper does not name its hardware, so its times cannot be compared directly; a report of several runs
compares ratios of times. The paper writes cross-entropy as a percentage: 65 % is a loss of 0.65.</p>`;
}

/** Formats the quotient of two values; `-` if one is missing. */
export function ratio(part: number | null, whole: number | null): string {
  return part === null || whole === null || whole === 0 ? '-' : `${(part / whole).toPrecision(3)} ×`;
}

/** What the best epoch has the best of, where it is not the accuracy. */
function bestBy(monitor: ReportedRun['monitor'], { monitored }: NonNullable<ReportedRun['best']>): string {
  if (monitor === null || monitor === 'accuracy') return '';
  const value = monitored === undefined ? '' : ` of ${percent(monitored)}`;
  return `, by its ${monitorName(monitor)}${value}`;
}

/** States the statistical uncertainty of the accuracy. */
function uncertainty({ best, dataset, folds, monitor }: ReportedRun): Content {
  if (folds) return foldsSection(folds);
  if (!best) return html`<p>No epoch has ended, so there are no results.</p>`;
  if (best.validAccuracy === null) {
    return html`<p>Nothing was validated: the model is that of the last epoch (${best.epoch}), and its accuracy on new images is unknown.</p>`;
  }
  const [low, high] = wilsonInterval(best.validAccuracy, dataset.valid);
  return html`<p>The accuracy is that of the best epoch (${best.epoch}${bestBy(monitor, best)}). Its 95 % confidence interval for ${count(dataset.valid)} validation images is
${percent(low)} to ${percent(high)}. The best epoch was selected on the same images, so expect slightly lower accuracy on new ones.</p>`;
}
