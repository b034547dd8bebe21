import type { CheckedImage, DataCheck, ExactTwins, NearTwinPair } from '../data/check/check.ts';
import { filesText, foundText, worstFirst } from '../data/check/text.ts';
import { count, listed } from '../support/format.ts';
import { shown } from '../support/printable.ts';
import { table } from './table.ts';
import { wrap } from './wrap.ts';

/** Number of classes, twins and undecodable images that are listed; --json and --report have all. */
const LISTED = 10;

const NEAR_ACROSS =
  'Near twins in training and validation make a model look better than it is: remove one of each pair, or give both ' +
  'the same group in a list.';

/** What `torch-tl data check` prints. */
export function dataCheckText(check: DataCheck): string {
  const { undecodable, smallClasses, exactTwins, nearTwins, warnings, files } = check;
  const near = nearTwins ?? [];
  const parts = [
    classTable(check),
    ...(files ? [filesText(files).join('\n')] : []),
    foundTable(check),
    ...(smallClasses.length === 0
      ? []
      : [`Classes of fewer than 50 images: ${shown(listed(smallClasses, LISTED))}`]),
    ...section(
      'Cannot be decoded',
      undecodable.map(({ path, reason }) => `${path}: ${reason}`),
    ),
    ...section('Exact twins', worstFirst(exactTwins).map(twinsText)),
    ...section('Near twins', worstFirst(near).map(pairText)),
    ...(near.some(({ acrossParts }) => acrossParts) ? [NEAR_ACROSS] : []),
    ...(warnings.length === 0
      ? []
      : [warnings.map(({ message }) => `Warning: ${shown(message)}`).join('\n')]),
  ];
  return wrap(parts.join('\n\n'), process.stdout.columns);
}

/** The smallest classes first, since those are looked for. */
function classTable({ classes }: DataCheck): string {
  const sorted = [...classes].sort((a, b) => a.train + a.valid - (b.train + b.valid));
  const many = sorted.length > 2 * LISTED;
  const shownClasses = many ? sorted.slice(0, LISTED) : classes;
  const rows = shownClasses.map(({ name, train, valid }) => [name, count(train), count(valid)]);
  const text = table(['class', 'train', 'valid'], rows, ['left', 'right', 'right']);
  return many ? `${text}\nand ${count(sorted.length - LISTED)} more classes, none of them smaller` : text;
}

function foundTable(check: DataCheck): string {
  return table(['found', 'number', 'across parts', 'of several classes'], foundText(check), [
    'left',
    'right',
    'right',
    'right',
  ]);
}

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const more =
    lines.length > LISTED
      ? [`  and ${count(lines.length - LISTED)} more; --json and --report show them`]
      : [];
  return [[title, ...lines.slice(0, LISTED).map((line) => `  ${shown(line)}`), ...more].join('\n')];
}

function twinsText(twins: ExactTwins): string {
  const names = twins.images.slice(0, 4).map(imageText);
  const more =
    twins.images.length > names.length ? `, and ${count(twins.images.length - names.length)} more` : '';
  return `${names.join(' = ')}${more}${noteOf(twins)}`;
}

function pairText(pair: NearTwinPair): string {
  return `${pair.images.map(imageText).join(' ~ ')}${noteOf(pair, pair.mirrored ? ['mirrored'] : [])}`;
}

function imageText({ path, part }: CheckedImage): string {
  return part === 'valid' ? `${path} [valid]` : path;
}

function noteOf({ acrossLabels, images }: ExactTwins | NearTwinPair, notes: readonly string[] = []): string {
  const labels = [...new Set(images.map(({ label }) => label))];
  const all = [...notes, ...(acrossLabels ? [`labelled ${labels.join(' and ')}`] : [])];
  return all.length === 0 ? '' : ` (${all.join(', ')})`;
}
