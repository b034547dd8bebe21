import { type Confusion, confusions, type Evaluation } from '../model/evaluate.ts';
import { count } from '../support/format.ts';
import { type Html, html } from './html.ts';
import { captioned, dataTable } from './table.ts';

/** Maximum number of classes for a confusion matrix; with more, the most frequent confusions are listed. */
export const MAX_CLASSES = 20;
/** Maximum number of confusions in that list. */
const MAX_PAIRS = 20;

/** The confusion matrix of an evaluation, or for many classes a list of the most frequent confusions. */
export function confusionTable({ classes, confusion }: Pick<Evaluation, 'classes' | 'confusion'>): Html {
  return classes.length > MAX_CLASSES
    ? pairsTable(classes, confusions(confusion))
    : matrix(classes, confusion);
}

/** Numbers of images and their percentage of the row; a cell is darker the larger that is. */
function matrix(classes: readonly string[], confusion: readonly (readonly number[])[]): Html {
  const rows = confusion.map((row, label) => {
    const whole = row.reduce((sum, images) => sum + images, 0);
    const cells = row.map((images, predicted) => {
      const share = whole === 0 ? 0 : images / whole;
      const kind = predicted === label ? 'right' : images > 0 ? 'wrong' : 'none';
      const ofRow = images > 0 ? html` <small>${shareOf(share)}</small>` : null;
      return html`<td class="${kind}" style="--share:${Math.round(share * 100)}%">${count(images)}${ofRow}</td>`;
    });
    return html`<tr><th scope="row">${classes[label] ?? ''}</th>${cells}</tr>\n`;
  });
  return captioned(
    'Number of images by true class (rows) and predicted class (columns), and below it the percentage of the row',
    html`<table class="matrix">
<thead><tr><td></td>${classes.map((name) => html`<th scope="col"><span>${name}</span></th>`)}</tr></thead>
<tbody>${rows}</tbody></table>`,
  );
}

/** A fraction above 0 in whole percent; what is rounded to 0 or 100 % and is not says so. */
function shareOf(share: number): string {
  if (share < 0.005) return '<1 %';
  if (share > 0.995 && share < 1) return '>99 %';
  return `${Math.round(share * 100)} %`;
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
