import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { loadEngine } from '../../lib/engine/engine.ts';
import { Batcher, type EndedBatch } from '../../lib/serve/batcher.ts';
import type { Colour } from '../support/images.ts';
import { figure, picture, post, startedService } from '../support/service.ts';

const NEVER = new AbortController().signal;

/** A batcher whose batches end when the test says so. */
function heldBatches(limits: { maxBatchSize: number; maxBatchDelay: number }) {
  const begun: Array<{ items: number[]; end(): void; fail(error: Error): void }> = [];
  const ended: EndedBatch[] = [];
  const batcher = new Batcher<number, number>(
    (items) =>
      new Promise((resolve, reject) => {
        const results = items.map((item) => (item < 0 ? new Error(`${item}`) : item * 10));
        begun.push({ items, end: () => resolve(results), fail: reject });
      }),
    limits,
    (batch) => ended.push(batch),
  );
  return { batcher, begun, ended };
}

describe('a batcher', () => {
  test('fills a batch, begins two at once, and leaves the rest in the queue', async () => {
    const { batcher, begun, ended } = heldBatches({ maxBatchSize: 2, maxBatchDelay: 60_000 });
    const results = [1, 2, 3, 4, 5, 6].map((item) => batcher.add(item, NEVER));
    expect(begun.map(({ items }) => items)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(batcher.waiting).toBe(2);
    begun[0]?.end();
    expect(await Promise.all(results.slice(0, 2))).toEqual([10, 20]);
    expect(begun.map(({ items }) => items)).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    begun[1]?.end();
    begun[2]?.end();
    expect(await Promise.all(results)).toEqual([10, 20, 30, 40, 50, 60]);
    expect(ended.map(({ size }) => size)).toEqual([2, 2, 2]);
  });

  test('begins a batch that is not full after the delay', async () => {
    const { batcher, begun, ended } = heldBatches({ maxBatchSize: 8, maxBatchDelay: 30 });
    const first = batcher.add(1, NEVER);
    const second = setTimeout(10).then(() => batcher.add(2, NEVER));
    await expect.poll(() => begun.map(({ items }) => items)).toEqual([[1, 2]]);
    begun[0]?.end();
    expect(await Promise.all([first, second])).toEqual([10, 20]);
    expect(ended[0]?.waits[0]).toBeGreaterThanOrEqual(0.029);
    expect(ended[0]?.waits[0]).toBeGreaterThan(ended[0]?.waits[1] as number);
  });

  test('does not wait where one item comes at a time', async () => {
    const { batcher, begun, ended } = heldBatches({ maxBatchSize: 8, maxBatchDelay: 50 });
    for (const item of [1, 2, 3]) {
      const result = batcher.add(item, NEVER);
      await expect.poll(() => begun.length, { interval: 1 }).toBe(item);
      begun[item - 1]?.end();
      expect(await result).toBe(10 * item);
    }
    const [first, ...others] = ended.map(({ waits }) => waits[0] as number);
    expect(first).toBeGreaterThan(0.04);
    for (const wait of others) expect(wait).toBeLessThan(0.02);
  });

  test("an item's error is its own, and a batch's error is everyone's", async () => {
    const { batcher, begun } = heldBatches({ maxBatchSize: 2, maxBatchDelay: 0 });
    const results = [-1, 2, 3, 4].map((item) => batcher.add(item, NEVER));
    const settled = Promise.allSettled(results);
    await expect.poll(() => begun.length).toBeGreaterThan(1);
    begun[0]?.end();
    for (const { fail } of begun.slice(1)) fail(new Error('no memory'));
    await expect.poll(() => begun.flatMap(({ items }) => items)).toHaveLength(4);
    for (const { fail } of begun.slice(1)) fail(new Error('no memory'));
    const [broken, ...others] = await settled;
    expect(broken).toMatchObject({ status: 'rejected', reason: { message: '-1' } });
    expect(others.at(-1)).toMatchObject({ status: 'rejected', reason: { message: 'no memory' } });
  });

  test('an aborted item leaves the queue', async () => {
    const { batcher, begun } = heldBatches({ maxBatchSize: 4, maxBatchDelay: 20 });
    const gone = new AbortController();
    const lost = batcher.add(1, gone.signal);
    const kept = batcher.add(2, NEVER);
    gone.abort(new Error('gone'));
    await expect(lost).rejects.toThrow('gone');
    expect(batcher.waiting).toBe(1);
    await expect.poll(() => begun.map(({ items }) => items)).toEqual([[2]]);
    begun[0]?.end();
    expect(await kept).toBe(20);
  });
});

/** Forty pictures and a broken one, sent at once to a service with batches of up to 8. */
async function concurrently(precision: 'fp32' | 'bf16') {
  const { model, url } = await startedService({ maxBatchSize: 8, maxBatchDelay: 20, precision });
  const images = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      picture([
        [index * 6, 40, 200 - index],
        [10, index * 5, 90],
      ] satisfies Colour[]),
    ),
  );
  const whole = await picture([
    [1, 2, 3],
    [200, 0, 9],
  ]);
  const cut = whole.subarray(0, 120);
  const alone = (await Promise.all(images.map((image) => model.predict(image, { precision })))).flat();
  const all = [...images.slice(0, 20), cut, ...images.slice(20)];
  const answers = await Promise.all(all.map((image) => post(`${url}predict?top=10`, image)));
  const [broken] = answers.splice(20, 1);
  const batches = await figure(url, 'torch_tl_batches_total{kind="prediction"}');
  const one = await post(`${url}predict`, images[0] as Uint8Array<ArrayBuffer>);
  return { alone, answers: answers.map(({ body }) => body), broken, batches, one: one.body };
}

/** LibTorch's products, which round by the number of images, are taken without kernels, and in bf16 with AMX. */
function isExact(precision: 'fp32' | 'bf16'): boolean {
  const { kernels, amxBf16 } = loadEngine().info().cpu;
  return kernels.length > 0 && !(precision === 'bf16' && amxBf16);
}

test.for([
  ['fp32', 1e-6],
  ['bf16', 5e-3],
] as const)(
  'images of concurrent requests share batches, and each gets the prediction that it gets alone: %s',
  async ([precision, tolerance]) => {
    const { alone, answers, broken, batches, one } = await concurrently(precision);
    expect(broken).toMatchObject({ status: 400, body: { error: { code: 'DATA_INVALID' } } });
    expect(batches).toBeGreaterThanOrEqual(6);
    expect(batches).toBeLessThan(30);
    const exact = answers.map(({ top }, index) =>
      top.every(({ index: place, probability }) => probability === alone[index]?.probabilities[place]),
    );
    if (isExact(precision)) expect(exact).toEqual(Array(40).fill(true));
    for (const [index, { label, top }] of answers.entries()) {
      const { label: expected, probability: highest = 0, probabilities = [] } = alone[index] ?? {};
      const isNear = highest - (probabilities[top[0]?.index ?? 0] as number) < tolerance;
      if (!isNear) expect(label).toBe(expected);
      for (const { index: place, probability } of top)
        expect(Math.abs(probability - (probabilities[place] as number))).toBeLessThan(tolerance);
    }
    // One image is a batch of its own, and has its bits.
    expect(one.probability).toBe(alone[0]?.probability);
  },
);
