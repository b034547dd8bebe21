import { closeSync, openSync, readSync } from 'node:fs';

/** Bytes of the page of text that a file of features begins with (docs/formats.md). */
const PAGE = 4096;

/** Describes a file of kept features for people, from its first page. */
export function describeFeatureFile(path: string): string {
  const lines = firstPage(path).split('\n');
  const lineOf = (word: string) => lines.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1);
  const [count, ...shape] = (lineOf('sizes') ?? '').split(' ');
  const about = parsed(lineOf('about'));
  if (!lines[0]?.startsWith('torch-tl features ') || !count || about === null)
    return 'not a file of features';
  const { cut, weights, imageSize, precision } = about;
  const from = weights === null ? 'random weights' : `weights ${weights}`;
  return `${cut} output [${shape.join(', ')}] of ${count} images of ${imageSize} pixels, ${from}, ${precision}`;
}

function firstPage(path: string): string {
  try {
    const file = openSync(path, 'r');
    try {
      const page = Buffer.alloc(PAGE);
      return page.subarray(0, readSync(file, page, 0, PAGE, 0)).toString();
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}

interface About {
  cut: string;
  weights: string | null;
  imageSize: number;
  precision: string;
}

function parsed(text: string | undefined): About | null {
  try {
    return JSON.parse(text ?? '') as About | null;
  } catch {
    return null;
  }
}
