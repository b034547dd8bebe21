import type { LabelIssueReport } from '../experiments/label-issues.ts';
import { count, images, percent } from '../support/format.ts';
import { type Content, type Html, html } from './html.ts';
import type { ReportedRun } from './read-run.ts';

/** The images whose labels look wrong; null for a run that did not look for them. */
export function labelIssuesSection({ validation, folds }: ReportedRun): Html | null {
  if (!validation?.labelIssues) return null;
  const { labelIssues, evaluation } = validation;
  return html`<section id="labels"><h2>Labels that look wrong</h2>
<p>${summary(labelIssues, `${images(evaluation.count)}${folds ? '' : ' for validation'}`)}</p>
${labelIssues.count === 0 ? null : gallery(labelIssues)}
</section>`;
}

function summary({ count: found }: LabelIssueReport, all: string): Content {
  if (found === 0) return html`No label of the ${all} looks wrong.`;
  return html`${count(found)} of the labels of ${all} ${found === 1 ? 'looks' : 'look'} wrong;
<code>label-issues.csv</code> lists all of them. They were found by confident learning (Northcutt et al. 2021), from the
probabilities that the model gives to images that it was not trained on, at the temperature of the lowest loss. Look before you
change a label: the mistake may be the model’s.`;
}

function gallery({ shown, count: found }: LabelIssueReport): Html {
  const note = found > shown.length ? `The first ${shown.length} of ${count(found)}, largest` : 'Largest';
  return html`<p class="note">${note} difference of the two probabilities first.</p>
<div class="gallery">${shown.map(figure)}</div>`;
}

function figure({
  source,
  label,
  likelierLabel,
  probability,
  margin,
  image,
}: LabelIssueReport['shown'][number]): Html {
  return html`<figure><div class="images"><img src="${image}" alt="${label}: ${source}"></div>
<figcaption>labelled <b>${label}</b>, looks like <b>${likelierLabel}</b>
<ol>${guess(likelierLabel, probability)}${guess(label, probability - margin)}</ol>
<small>${source}</small></figcaption></figure>\n`;
}

function guess(label: string, probability: number): Html {
  const share = Math.round(Math.min(Math.max(probability, 0), 1) * 100);
  return html`<li><span>${label}</span> <span>${percent(probability)}</span><i style="--share:${share}%"></i></li>`;
}
