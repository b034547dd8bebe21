import {
  differencesOf,
  MEASURES,
  measuresOf,
  measureText,
  paperMeasures,
} from '../experiments/beside-paper.ts';
import { experiments } from '../experiments/paper.ts';
import { percent } from '../support/format.ts';
import { type Content, type Html, html } from './html.ts';
import type { ReportedRun } from './read-run.ts';
import { dataTable } from './table.ts';

/** A run's results, those of a paper's experiment beside the paper's, with what differs between the two. */
export function resultsSection(run: ReportedRun): Html {
  return html`<section id="results"><h2>Results</h2>
${run.experiment === 'train' ? null : besidePaper(run, run.experiment)}
${certainty(run)}
</section>`;
}

function besidePaper(run: ReportedRun, name: keyof typeof experiments): Html {
  const { paper } = experiments[name];
  const here = measuresOf(run);
  const there = paperMeasures(paper);
  return html`${dataTable({
    caption: `${name} here and in the paper`,
    heading: ['', 'here', 'the paper', 'here / paper'],
    rows: MEASURES.map((measure) => [
      measure.name,
      measureText(here, measure),
      measureText(there, measure),
      ratio(here[measure.key], there[measure.key]),
    ]),
  })}
${dataTable({
  caption: 'What differs, besides the result',
  heading: ['', 'here', 'the paper'],
  rows: differencesOf(run, paper),
  text: true,
})}
<p class="note">The paper does not say what it ran on: of its times only the ratios between its experiments can be compared,
in a report of several runs. Its loss is cross-entropy written as a percentage; 65 % is 0.65.</p>`;
}

/** One value by another, `-` where there is none. */
export function ratio(part: number | null, whole: number | null): string {
  return part === null || whole === null || whole === 0 ? '-' : `${(part / whole).toPrecision(3)} ×`;
}

/** How far the accuracy can be relied on. */
function certainty({ best, dataset }: ReportedRun): Content {
  if (!best || dataset.valid === 0) return html`<p>No epoch ended, so there is no result.</p>`;
  const [low, high] = interval(best.validAccuracy, dataset.valid);
  return html`<p>The accuracy is that of epoch ${best.epoch}, the best. So many images leave it uncertain: with 95 % confidence it
lies between ${percent(low)} and ${percent(high)}. And since the epoch was chosen by these same images, expect slightly less of new ones.</p>`;
}

/** Wilson's score interval of 95 % for a share of `count` (Wilson 1927, https://doi.org/10.2307/2276774). */
function interval(share: number, count: number): [number, number] {
  const square = 1.96 ** 2;
  const middle = (share + square / (2 * count)) / (1 + square / count);
  const half =
    (1.96 / (1 + square / count)) * Math.sqrt((share * (1 - share)) / count + square / (4 * count ** 2));
  return [middle - half, middle + half];
}
