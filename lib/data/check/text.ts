import { count, size } from '../../support/format.ts';
import type { DataCheck, ExactTwins, NearTwinPair } from './check.ts';
import { type FileFacts, IMAGE_MODES, type ImageMode } from './files.ts';

const MODES: Record<ImageMode, string> = {
  grey: 'grey',
  alpha: 'with transparency',
  cmyk: 'CMYK',
  turned: 'turned by EXIF',
  '16-bit': '16 bits',
  'several-frames': 'with several frames',
};

/** Formats, modes and sizes as lines for people. */
export function filesText({ formats, modes, width, height, bytes }: FileFacts): string[] {
  const named = Object.entries(formats).map(([format, files]) => `${format} ${count(files)}`);
  const special = IMAGE_MODES.filter((mode) => modes[mode] > 0).map(
    (mode) => `${MODES[mode]} ${count(modes[mode])}`,
  );
  const pixels = ({ min, median, max }: FileFacts['width']) =>
    `${count(min)} / ${count(median)} / ${count(max)}`;
  return [
    `Formats: ${named.join(', ')}`,
    `Modes: ${special.length === 0 ? 'all plain RGB of 8 bits' : special.join(', ')}`,
    `Sizes (min / median / max): width ${pixels(width)}, height ${pixels(height)} pixels, ` +
      `files ${[bytes.min, bytes.median, bytes.max].map(size).join(' / ')}`,
  ];
}

/** What was found as rows: what, how many, how many across parts, how many of several classes. */
export function foundText({ undecodable, smallClasses, exactTwins, nearTwins }: DataCheck): string[][] {
  const across = (twins: ReadonlyArray<ExactTwins | NearTwinPair>) => [
    count(twins.filter(({ acrossParts }) => acrossParts).length),
    count(twins.filter(({ acrossLabels }) => acrossLabels).length),
  ];
  return [
    ['images that cannot be decoded', count(undecodable.length), '', ''],
    ['classes of fewer than 50 images', count(smallClasses.length), '', ''],
    ['groups of exact twins', count(exactTwins.length), ...across(exactTwins)],
    ...(nearTwins === null ? [] : [['pairs of near twins', count(nearTwins.length), ...across(nearTwins)]]),
  ];
}

/** Those that matter most: of several classes, then across parts. */
export function worstFirst<Twins extends ExactTwins | NearTwinPair>(twins: readonly Twins[]): Twins[] {
  const rank = ({ acrossLabels, acrossParts }: Twins) => (acrossLabels ? 2 : 0) + (acrossParts ? 1 : 0);
  return [...twins].sort((a, b) => rank(b) - rank(a));
}
