import { describe, expect, test } from 'vitest';
import { BackgroundWriter } from '../../lib/support/background-writer.ts';

describe('BackgroundWriter', () => {
  test('writes once for all that was requested during a write, and never two at once', async () => {
    let writes = 0;
    let atOnce = 0;
    const releases: Array<() => void> = [];
    const writer = new BackgroundWriter(async () => {
      writes++;
      expect(++atOnce).toBe(1);
      await new Promise<void>((resolve) => releases.push(resolve));
      atOnce--;
    }, fail);
    writer.request();
    writer.request();
    writer.request();
    expect(writes).toBe(1);
    releases[0]?.();
    await nextTurn();
    expect(writes).toBe(2);
    releases[1]?.();
    await writer.idle();
    expect(writes).toBe(2);
  });

  test('is idle only when the last request is written', async () => {
    let written = false;
    const writer = new BackgroundWriter(async () => {
      await nextTurn();
      written = true;
    }, fail);
    await writer.idle();
    writer.request();
    await writer.idle();
    expect(written).toBe(true);
    written = false;
    writer.request();
    await writer.idle();
    expect(written).toBe(true);
  });

  test('tells of a failure and writes no more', async () => {
    const failures: unknown[] = [];
    let writes = 0;
    const full = new Error('no space left');
    const writer = new BackgroundWriter(
      async () => {
        writes++;
        throw full;
      },
      (error) => failures.push(error),
    );
    writer.request();
    await writer.idle();
    writer.request();
    await writer.idle();
    expect(failures).toEqual([full]);
    expect(writes).toBe(1);
  });
});

function fail(error: unknown): never {
  throw error;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
