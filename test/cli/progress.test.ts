import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { progressOn } from '../../lib/cli/progress.ts';

/** A stream that is no terminal, and what was written to it. */
function file() {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { lines, progress: progressOn(stream as unknown as NodeJS.WriteStream) };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});

afterEach(() => {
  vi.useRealTimers();
});

test('without a terminal, work that goes on is told of once a minute', () => {
  const { lines, progress } = file();
  for (let second = 1; second <= 150; second++) {
    vi.advanceTimersByTime(1000);
    progress.bar(second, 200, `decoding ${second}/200`);
  }
  progress.end();
  expect(lines).toEqual(['decoding 60/200\n', 'decoding 120/200\n']);
});

test('a line begins the minute anew', () => {
  const { lines, progress } = file();
  vi.advanceTimersByTime(50_000);
  progress.line('features of 200 images');
  vi.advanceTimersByTime(50_000);
  progress.bar(1, 2, 'epoch 1');
  expect(lines).toEqual(['features of 200 images\n']);
});
