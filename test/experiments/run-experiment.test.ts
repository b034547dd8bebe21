import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runAll } from '../../lib/experiments/run-all.ts';
import type { RunEvent } from '../../lib/experiments/run-events.ts';
import { runExperiment } from '../../lib/experiments/run-experiment.ts';
import { trainClassifier } from '../../lib/experiments/train-classifier.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const SMALL = { data: 'sample', limitTrain: 20, limitValid: 10, imageSize: 32, epochs: 2 };
const ENDLESS = { ...SMALL, epochs: 1_000_000, earlyStoppingPatience: 'off' } as const;

describe('runExperiment', () => {
  test('tells first of the data, then of all it uses, then how it goes', async () => {
    const out = join(temporaryDirectory(), 'run');
    const events: RunEvent[] = [];
    const results = await runExperiment(
      'finetune',
      { ...SMALL, out },
      { onEvent: (event) => events.push(event) },
    );
    const types = events.map(({ type }) => type);
    expect(types.slice(0, 5)).toEqual(['data', 'warning', 'setup', 'stage', 'cache']);
    expect(types.indexOf('features')).toBeGreaterThan(types.indexOf('cache'));
    // The labels are looked at when all epochs have ended.
    expect(types.filter((type) => type !== 'label-issues').at(-1)).toBe('epoch');
    expect(events[0]).toMatchObject({ name: 'cifar10-sample', train: 20, valid: 10 });
    const epochs = events.filter(({ type }) => type === 'epoch');
    expect(epochs.map((event) => 'epoch' in event && event.epoch)).toEqual([1, 2]);
    const best = epochs.findLast((event) => 'best' in event && event.best);
    expect(best).toMatchObject({ epoch: results.best?.epoch });
  });

  test.each<[string, (control: object, out: string) => Promise<unknown>]>([
    ['runExperiment', (control, out) => runExperiment('finetune', { ...SMALL, out }, control)],
    ['runAll', (control, out) => runAll({ ...SMALL, out }, control)],
    ['trainClassifier', (control, out) => trainClassifier({ data: out, out }, control)],
  ])('like %s refuses what it cannot do', async (_, start) => {
    const out = join(temporaryDirectory(), 'run');
    await expect(start({ resume: 'no' }, out)).rejects.toThrow("resume must be true or false, not 'no'");
    await expect(start({ onEvents() {} }, out)).rejects.toThrow("'onEvents'; did you mean 'onEvent'?");
    expect(existsSync(out)).toBe(false);
  });

  test('makes nothing where it is stopped before it trains', async () => {
    const root = temporaryDirectory();
    const signal = AbortSignal.abort(new Error('too late'));
    const run = runExperiment('finetune', { ...SMALL, out: join(root, 'run') }, { signal });
    await expect(run).rejects.toThrow('too late');
    expect(readdirSync(root)).toEqual([]);
  });

  test('records why it failed, with the epochs until then', async () => {
    const out = join(temporaryDirectory(), 'run');
    const onEvent = ({ type }: RunEvent) => {
      if (type === 'epoch') throw new Error('a mistake in the listener');
    };
    await expect(runExperiment('finetune', { ...SMALL, out }, { onEvent })).rejects.toThrow('a mistake');
    expect(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'))).toMatchObject({
      stoppedBecause: 'failed',
      error: { code: 'UNKNOWN', message: 'a mistake in the listener' },
      epochs: [{ epoch: 1 }],
    });
  });

  test('stops where its files cannot be written, and does not bring its directory back', async () => {
    const out = join(temporaryDirectory(), 'run');
    const onEvent = ({ type }: RunEvent) => {
      if (type === 'features') rmSync(out, { recursive: true, force: true });
    };
    await expect(runExperiment('finetune', { ...ENDLESS, out }, { onEvent })).rejects.toThrow(
      expect.objectContaining({ code: 'WRITE_FAILED', message: expect.stringContaining(out) }),
    );
    expect(existsSync(out)).toBe(false);
  });

  test('uses the weights it is given, also where the experiment starts at random', async () => {
    const out = join(temporaryDirectory(), 'run');
    const results = await runExperiment('base', {
      ...SMALL,
      epochs: 1,
      out,
      weights: 'tiny-imagenet-distilled',
    });
    expect(results).toMatchObject({ init: 'pretrained', weights: { source: 'tiny-imagenet-distilled' } });
  });
});
