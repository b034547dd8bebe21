import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DenseNet121 } from '../../lib/densenet121.ts';
import { loadEngine } from '../../lib/engine/engine.ts';
import type { NativeModel } from '../../lib/engine/native.ts';
import type { ExtractionOptions } from '../../lib/model/extraction.ts';
import { dependsOnImageAlone } from '../../lib/training/feature-cache-key.ts';
import type { FitOptions } from '../../lib/training/fit.ts';
import { program, withPackage } from '../cli/torch-tl.ts';
import { nativeData, nativeModel } from '../support/native.ts';
import { smallData, smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * What a call is told is its own: others that wait beside it, ran before it or run in another Worker change nothing.
 */

const { cpu, threads: DEFAULT } = loadEngine().info();
const OTHER = DEFAULT + 1;

describe.runIf(cpu.kernels.length > 0)('calls at the same time', () => {
  const SETTINGS: ExtractionOptions[] = [
    { precision: 'fp32', kernels: 'libtorch' },
    { precision: 'fp32' },
    { precision: 'bf16' },
    { precision: 'fp32', threads: OTHER },
    { precision: 'bf16', kernels: 'libtorch' },
    { precision: 'fp32', kernels: 'libtorch', threads: 1 },
  ];

  test('come to what each comes to alone, in either order', async () => {
    const { valid } = await smallData(2, 5);
    const callsWith = (options: ExtractionOptions) => [
      (model: DenseNet121) => model.logits(valid, options),
      (model: DenseNet121) => model.features(valid, options),
      (model: DenseNet121) => model.evaluate(valid, options),
      async (model: DenseNet121) => {
        const { onProgress: _, ...others } = options;
        const pixels = await valid.pixelsAt(0);
        return model.gradCam({ data: pixels, width: 32, height: 32, channels: 3 }, others);
      },
    ];
    const alone: unknown[] = [];
    for (const options of SETTINGS) {
      const model = await smallModel();
      for (const call of callsWith(options)) alone.push(await call(model));
    }
    // Otherwise nothing could be seen.
    expect(alone[0]).not.toEqual(alone[4]);
    expect(alone[4]).not.toEqual(alone[8]);

    const model = await smallModel();
    const calls = SETTINGS.flatMap(callsWith);
    expect(await Promise.all(calls.map((call) => call(model)))).toEqual(alone);
    const backwards = await Promise.all(calls.toReversed().map((call) => call(model)));
    expect(backwards.toReversed()).toEqual(alone);
  });

  test('keep features of frozen layers under the keys of their own settings', async () => {
    const { train, valid } = await smallData(6, 4);
    const fitted = async (featureCache: string, options: Partial<FitOptions>) => {
      const model = await smallModel();
      const shared = { valid, epochs: 1, batchSize: 3, freeze: 'backbone', precision: 'fp32' } as const;
      await model.fit(train, { ...shared, featureCache, ...options }).result;
    };
    const ways: Array<Partial<FitOptions>> = [
      { kernels: 'libtorch' },
      {},
      { threads: OTHER },
      { precision: 'bf16' },
    ];
    const [alone, together] = [temporaryDirectory(), temporaryDirectory()];
    for (const options of ways) await fitted(alone, options);
    await Promise.all(ways.map((options) => fitted(together, options)));
    // Where features depend on the image alone, both sets are in one file.
    const { cpu } = loadEngine().info();
    const counts = ways.map(({ kernels = 'auto', precision }): number => {
      const type = precision === 'bf16' ? 'bf16' : 'fp32';
      return dependsOnImageAlone({ device: 'cpu', kernels, precision: type }, cpu) ? 1 : 2;
    });
    expect(filesIn(alone).size).toBe(counts.reduce((sum, count) => sum + count));
    expect(filesIn(together)).toEqual(filesIn(alone));
  });
});

describe('the number of threads', () => {
  const gradients = async (model: NativeModel, threads?: number) => {
    const data = await nativeData('train', 6);
    const options = { precision: 'fp32', seed: 0, ...(threads !== undefined && { threads }) } as const;
    const result = await model.gradients(data, options).result;
    return result.gradients.map(({ data: bytes }) => Buffer.from(bytes).toString('base64'));
  };

  test('is that of the call, and by default one a core, whatever ran before', async () => {
    const asked = await gradients(await nativeModel('base', { imageSize: 44 }), OTHER);
    const byDefault = await gradients(await nativeModel('base', { imageSize: 44 }));
    expect(byDefault).toEqual(await gradients(await nativeModel('base', { imageSize: 44 }), DEFAULT));
    expect(byDefault).not.toEqual(asked);
    expect(loadEngine().info().threads).toBe(DEFAULT);
  });

  test('of calls at the same time is that of each', async () => {
    const counts = [OTHER, undefined, OTHER + 1, DEFAULT];
    const models = () => Promise.all(counts.map(() => nativeModel('base', { imageSize: 44 })));
    const alone: unknown[] = [];
    for (const [index, model] of (await models()).entries())
      alone.push(await gradients(model, counts[index]));
    const together = async () =>
      Promise.all((await models()).map((model, index) => gradients(model, counts[index])));
    expect(await together()).toEqual(alone);
  });

  test("is each Worker's own, though they train at the same time and start after one another", async () => {
    const cwd = temporaryDirectory();
    const training = `
      import { Dataset, DenseNet121 } from 'torch-tl';
      async function losses(options) {
        const { train, valid } = await Dataset.cifar10('sample', { train: 16, valid: 4 });
        const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: 32 });
        const shared = { valid, epochs: 2, batchSize: 8, precision: 'fp32' };
        const { epochs } = await model.fit(train, { ...shared, ...options }).result;
        return epochs.map(({ trainLoss }) => trainLoss).join();
      }
    `;
    writeFileSync(
      join(cwd, 'worker.mjs'),
      withPackage(`
        import { parentPort, workerData } from 'node:worker_threads';
        ${training}
        parentPort.postMessage(await losses(workerData));
      `),
    );
    const ways = [{ threads: OTHER }, {}, { threads: OTHER + 1 }];
    const alone: string[] = [];
    for (const options of ways) {
      const text = `${training} console.log(await losses(${JSON.stringify(options)}));`;
      alone.push((await program(text, { cwd })).stdout.trim());
    }
    expect(new Set(alone).size).toBe(3);
    const beside = await program(
      `import { once } from 'node:events';
      import { Worker } from 'node:worker_threads';
      ${training}
      const worker = async (workerData) => {
        const [message] = await once(new Worker('./worker.mjs', { workerData, execArgv: [] }), 'message');
        return message;
      };
      const ways = ${JSON.stringify(ways)};
      console.log((await losses(ways[0])));
      console.log((await worker(ways[1])));
      console.log((await Promise.all([worker(ways[0]), losses(ways[1]), worker(ways[2])])).join('\\n'));`,
      { cwd },
    );
    const [first, second, third] = alone;
    expect(beside).toEqual({
      code: 0,
      stderr: '',
      stdout: [first, second, first, second, third].map((line) => `${line}\n`).join(''),
    });
  });
});

function filesIn(directory: string): Map<string, string> {
  const names = readdirSync(directory).sort();
  return new Map(names.map((name) => [name, readFileSync(join(directory, name)).toString('base64')]));
}
