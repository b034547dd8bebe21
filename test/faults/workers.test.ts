import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { program, withPackage } from '../cli/torch-tl.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Data and a model; `fit` trains it with more options and `startFit` waits for the first batch. */
const SETUP = `
  import { Dataset, DenseNet121 } from 'torch-tl';
  const { train, valid } = await Dataset.cifar10('sample', { train: 40, valid: 20 });
  const model = await DenseNet121.create({ head: 'finetune', classes: train.classes, imageSize: 32 });
`;

const ONE_WORKER = `
  import { once } from 'node:events';
  import { Worker } from 'node:worker_threads';
  const worker = new Worker('./worker.mjs', { execArgv: [] });
`;

test('a training in a Worker and one beside it come to the bits of one alone', async () => {
  const cwd = temporaryDirectory();
  const training = `
    import { createHash } from 'node:crypto';
    import { readFileSync } from 'node:fs';
    ${SETUP}
    async function hashOfTrained(file, onBatch) {
      const options = { valid, epochs: 4, batchSize: 8, augmentation: 'strong', freeze: { through: 'transition3' } };
      await model.fit(train, { ...options, onBatch }).result;
      await model.save(file);
      return createHash('sha256').update(readFileSync(file)).digest('hex');
    }
  `;
  const worker = `
    import { parentPort } from 'node:worker_threads';
    ${training}
    parentPort.postMessage(await hashOfTrained('worker.safetensors', () => parentPort.postMessage('trains')));
  `;
  writeFileSync(join(cwd, 'worker.mjs'), withPackage(worker));
  const alone = await program(`${training} console.log(await hashOfTrained('alone.safetensors'));`, { cwd });
  const beside = await program(
    `${training} ${ONE_WORKER}
    const messages = [];
    worker.on('message', (message) => messages.push(message));
    const ended = once(worker, 'exit');
    await once(worker, 'message');
    console.log(await hashOfTrained('beside.safetensors'));
    await ended;
    console.log(messages.at(-1));`,
    { cwd },
  );
  expect(alone.stdout).toMatch(/^[0-9a-f]{64}\n$/);
  expect(beside).toEqual({ code: 0, stderr: '', stdout: alone.stdout.repeat(2) });
});

describe('the checkpoint of a training whose Worker was terminated', () => {
  test.for([
    ['with its features in files', "freeze: 'backbone'"],
    ['with augmentation', "freeze: { through: 'denseblock3' }, augmentation: 'strong'"],
  ])('%s is resumed', async ([, layers]) => {
    const cwd = temporaryDirectory();
    const training = `
      import { existsSync, readdirSync } from 'node:fs';
      ${SETUP}
      const files = { checkpoint: 'checkpoint.safetensors', featureCache: 'features', checkpointMinutes: 1e-6 };
      const options = { valid, batchSize: 8, epochs: 1_000_000, earlyStoppingPatience: 'off', ${layers}, ...files };
    `;
    const worker = `
      import { parentPort } from 'node:worker_threads';
      ${training}
      model.fit(train, { ...options, onBatch() {
        if (existsSync(options.checkpoint)) parentPort.postMessage('has a checkpoint');
      } });
    `;
    writeFileSync(join(cwd, 'worker.mjs'), withPackage(worker));
    const { code, stdout, stderr } = await program(
      `${training} ${ONE_WORKER}
      await once(worker, 'message');
      await worker.terminate();
      const controller = new AbortController();
      const run = model.fit(train, {
        ...options,
        resume: true,
        signal: controller.signal,
        onResume: ({ epoch, batch }) => console.log(epoch * 5 + batch > 0),
        onCache: ({ part, place, reused }) => console.log(part, place, reused),
        onBatch: () => controller.abort(new Error('went on')),
      });
      await run.result.catch((error) => console.log(error.message));`,
      { cwd },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^true\n(train file true\n)?valid file true\nwent on\n$/);
  });
});
