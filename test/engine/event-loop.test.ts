import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { smallData, smallModel } from '../support/small-data.ts';

test('the event loop goes on while a model trains', async () => {
  const { train, valid } = await smallData(200, 50);
  const model = await smallModel({ head: 'finetune', imageSize: 64 });
  model.freeze();
  // The first use loads the images to the device; from then on the engine's thread does the work.
  await model.features(valid);
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
  }, 1);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const { seconds } = await model.fit(train, { valid, epochs: 10, onBatch: () => {} }).result;
  delay.disable();
  clearInterval(timer);
  console.log(
    `longest stall of the event loop: ${(delay.max / 1e6).toFixed(1)} ms in ${seconds.total.toFixed(1)} s`,
  );
  expect(ticks).toBeGreaterThan(50);
});
