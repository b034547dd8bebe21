import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { smallData, smallModel } from '../support/small-data.ts';

test('the event loop goes on while a model trains', async () => {
  const { train, valid } = await smallData(32, 8);
  const model = await smallModel();
  model.unfreeze();
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
  }, 1);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const ticksAtBatch: number[] = [];
  const onBatch = () => ticksAtBatch.push(ticks);
  const { seconds } = await model.fit(train, { valid, epochs: 2, batchSize: 8, onBatch }).result;
  delay.disable();
  clearInterval(timer);
  console.log(
    `longest stall of the event loop: ${(delay.max / 1e6).toFixed(1)} ms in ${seconds.total.toFixed(1)} s`,
  );
  // A loop that is blocked for a batch hears of it without a tick since the one before.
  expect(ticksAtBatch.length).toBeGreaterThan(4);
  for (const [index, count] of ticksAtBatch.entries()) {
    expect(count).toBeGreaterThan(ticksAtBatch[index - 1] ?? -1);
  }
});
