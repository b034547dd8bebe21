import { expect, test } from 'vitest';
import { smallData, smallModel } from '../support/small-data.ts';

// LibTorch's own allocator takes a fourth as many pages in each later epoch.
test('a training asks the system for memory in its first batches and then reuses it', async () => {
  const { train, valid } = await smallData(64, 8);
  const model = await smallModel({ imageSize: 64 });
  model.unfreeze();
  const faults = [pageFaults()];
  for await (const _ of model.fit(train, { valid, epochs: 5, batchSize: 32 })) faults.push(pageFaults());
  const ofEpochs = faults.slice(1).map((count, index) => count - (faults[index] as number));
  expect(ofEpochs).toHaveLength(5);
  expect(ofEpochs[0]).toBeGreaterThan(1000);
  expect(ofEpochs[4]).toBeLessThan((ofEpochs[0] as number) / 20);
});

/** How many pages the system has given to this process. */
function pageFaults(): number {
  return process.resourceUsage().minorPageFault;
}
