import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { program, withPackage } from '../cli/torch-tl.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** A training that would take hours; `started` resolves with its first batch. */
const ENDLESS = `
  import { Dataset, DenseNet121 } from 'torch-tl';
  const { train, valid } = await Dataset.cifar10('sample', { train: 40, valid: 20 });
  const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: 64 });
  let run;
  const started = new Promise((resolve) => {
    run = model.fit(train, { valid, epochs: 1_000_000, earlyStoppingPatience: 'off', onBatch: resolve });
  });
  run.result.catch(() => {});
  await started;
`;

const ended = { code: 0, stderr: '' };

describe('a process', () => {
  test('exits while a training runs', async () => {
    const cwd = temporaryDirectory();
    expect(await program(`${ENDLESS} process.exit(0);`, { cwd })).toMatchObject(ended);
  });

  test('ends by itself when nothing is left to do', async () => {
    const text = `
      import { Dataset, DenseNet121 } from 'torch-tl';
      const { train } = await Dataset.cifar10('sample', { train: 4 });
      const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: 32 });
      console.log((await model.features(train)).shape.join());
    `;
    expect(await program(text, { cwd: temporaryDirectory() })).toEqual({ ...ended, stdout: '4,1024,1,1\n' });
  });

  test('goes on when Workers are terminated while they train', async () => {
    const cwd = temporaryDirectory();
    const worker = `${ENDLESS} (await import('node:worker_threads')).parentPort.postMessage('training');`;
    writeFileSync(join(cwd, 'worker.mjs'), withPackage(worker));
    const text = `
      import { Worker } from 'node:worker_threads';
      for (let i = 0; i < 2; i += 1) {
        const worker = new Worker('./worker.mjs', { execArgv: [] });
        await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
        await worker.terminate();
      }
      ${ENDLESS}
      console.log('still training');
      process.exit(0);
    `;
    expect(await program(text, { cwd })).toEqual({ ...ended, stdout: 'still training\n' });
  });
});
