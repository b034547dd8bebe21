import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { notice } from '../../lib/cli/notice.ts';
import { type Progress, progressOn } from '../../lib/cli/progress.ts';
import { RunProgress } from '../../lib/cli/run-progress.ts';
import { columns, table } from '../../lib/cli/table.ts';
import { wrap } from '../../lib/cli/wrap.ts';
import { epochMetrics } from '../support/epoch-metrics.ts';
import { SETUP } from '../support/run-files.ts';

const WIDTHS = [200, 80, 50, 40];
/** To the first column, and nothing is left in the line. */
const CLEARED = '\u001b[1G\u001b[2K';

/** A terminal so wide, and what was written to it. */
function terminal(width: number) {
  const written: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      done();
    },
  });
  Object.assign(stream, { isTTY: true, columns: width });
  const text = () => written.map(stripVTControlCharacters).filter((part) => part.trim() !== '');
  return { written, text, progress: progressOn(stream as unknown as NodeJS.WriteStream) };
}

/** A training of 32 epochs whose newest batch is in epoch 12. */
function training(progress: Progress): RunProgress {
  const view = new RunProgress(progress);
  view.show({ type: 'setup', setup: SETUP, directory: 'runs/a', epochs: 32, augmented: false });
  const place = { stage: 1, epoch: 12, batch: 7, batches: 20 };
  view.show({ type: 'batch', ...place, loss: 1.2345, accuracy: 0.7125, imagesPerSecond: 1234 } as never);
  return view;
}

afterEach(() => void vi.restoreAllMocks());

describe('the bar of a training', () => {
  test.each(WIDTHS)('shows epoch, loss, accuracy and time left in %i columns', (width) => {
    const { text, progress } = terminal(width);
    training(progress);
    const bar = text().at(-1) as string;
    progress.end();
    // Clearing the rest of the line takes what is in the last column.
    expect(bar.length).toBeLessThan(width);
    for (const part of [/12\/32\b/, /1\.2345/, /71\.25 %/, /[\d.]+ (s|min|h) left/])
      expect(bar).toMatch(part);
    if (width > 80) expect(bar).toMatch(/images\/s/);
    if (width < 80) expect(bar).not.toMatch(/images\/s/);
  });

  test('goes before a notice, and comes back after it', () => {
    const { written, progress } = terminal(80);
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(`stderr ${text}`) > 0);
    const view = training(progress);
    notice('Stopping.');
    const before = written.slice(0, written.indexOf('stderr Stopping.\n'));
    // The line of the bar is cleared, from its beginning.
    expect(before.slice(-12).join('')).toContain(CLEARED);
    expect(before.map(stripVTControlCharacters).at(-1)?.trim()).toBe('');
    view.show({ type: 'epoch', ...epochMetrics(12) });
    expect(written.at(-1)).toMatch(/\n$/);
  });

  test.each([80, 50])("leaves an epoch's line of one line in %i columns", (width) => {
    const { text, progress } = terminal(width);
    training(progress).show({ type: 'epoch', ...epochMetrics(12), best: true });
    const line = text().at(-1) as string;
    expect(line.trimEnd().length).toBeLessThanOrEqual(width);
    expect(line).toMatch(/12\/32.* best\n$/);
  });
});

describe('columns and tables', () => {
  const rows = [
    ['weights', 'of ImageNet, 1.28 million images of 1,000 classes', '1,234'],
    ['images', 'the embedded sample of CIFAR-10', '5'],
  ];
  const words = rows.flat().join(' ').split(' ').sort();

  test.each([60, 50, 40])('are broken between words to fit %i columns', (width) => {
    for (const text of [
      columns(rows, ['left', 'left', 'right'], width),
      table(['what', 'which', 'count'], rows, ['left', 'left', 'right'], width),
    ]) {
      for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(width);
      const shown = text
        .split(/\s+/)
        .filter((word) => !['', 'what', 'which', 'count'].includes(word) && !/^-+$/.test(word));
      expect(shown.sort()).toEqual(words);
    }
  });

  test('stay as they are where they fit, or nothing says how wide the terminal is', () => {
    const natural = columns(rows, ['left', 'left', 'right'], Infinity);
    expect(natural.split('\n')).toHaveLength(2);
    expect(columns(rows, ['left', 'left', 'right'], 200)).toBe(natural);
  });
});

test('a long line is broken between words and goes on under its indentation; a path stays whole', () => {
  const path = `/${'directory/'.repeat(8)}`;
  expect(wrap(`  one two three four ${path} five`, 20)).toBe(
    `  one two three\n    four\n    ${path}\n    five`,
  );
});
