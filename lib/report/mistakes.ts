import type { Mistake } from '../experiments/validation.ts';
import { percent } from '../support/format.ts';
import { type Html, html } from './html.ts';

/** Number of mistakes that are shown at first; the others are collapsed. */
const FIRST_MISTAKES = 12;

/** Images that the model classified wrongly, with its likeliest classes. */
export function mistakesGallery(mistakes: readonly Mistake[]): Html {
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
