import { describe, expect, test } from 'vitest';
import { hasGpu } from '../support/native.ts';
import { smallData, smallModel } from '../support/small-data.ts';

describe.skipIf(!hasGpu)('on a GPU', () => {
  test('a batch that does not fit is a clear error, and the model works on', async () => {
    const { train, valid } = await smallData(256, 4);
    // An image of 1,024 pixels a side keeps some 13 GB of activations.
    const model = await smallModel({ imageSize: 1024, device: 'cuda' });
    const fit = model.fit(train, { valid, epochs: 1, batchSize: 256, precision: 'bf16' });
    await expect(fit.result).rejects.toMatchObject({
      code: 'OUT_OF_MEMORY',
      message: expect.stringMatching(
        /batches of 256 images in bf16 .* than cuda:0 has free\. Use smaller batches/,
      ),
    });
    const { epochs } = await model.fit(valid, { valid, epochs: 1, batchSize: 2, precision: 'bf16' }).result;
    expect(epochs).toHaveLength(1);
  });

  test('a training stops within a batch, and its memory serves the next', async () => {
    const { train, valid } = await smallData(256, 4);
    const model = await smallModel({ imageSize: 155, device: 'cuda' });
    const stop = new AbortController();
    const fit = model.fit(train, {
      valid,
      epochs: 1000,
      batchSize: 64,
      signal: stop.signal,
      onBatch: ({ epoch }) => epoch === 2 && stop.abort(),
    });
    await expect(fit.result).rejects.toMatchObject({ name: 'AbortError' });
    expect((await model.evaluate(valid)).accuracy).toBeGreaterThanOrEqual(0);
  });

  test('two models take turns', async () => {
    const { train, valid } = await smallData(64, 16);
    const models = [await smallModel({ device: 'cuda' }), await smallModel({ device: 'cuda' })];
    const results = await Promise.all(
      models.map((model) => model.fit(train, { valid, epochs: 2, batchSize: 32 }).result),
    );
    expect(results.map(({ epochs }) => epochs.length)).toEqual([2, 2]);
  });
});
