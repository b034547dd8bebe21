import { readdirSync, readlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { TrainEvent } from '../../lib/engine/native.ts';
import { TorchTlError } from '../../lib/errors.ts';
import { writePth } from '../../lib/formats/pth/write-pth.ts';
import { writeSafetensors } from '../../lib/formats/safetensors.ts';
import { readWeights } from '../../lib/weights/read-weights.ts';
import { program } from '../cli/torch-tl.ts';
import { frozenModel } from '../support/frozen-model.ts';
import { writeImages } from '../support/images.ts';
import { nativeData, trainOptions } from '../support/native.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * Files that another program changes while they are in use. A mapped one would end the process by SIGBUS.
 */

/** A data set of 60 images in a cache's file, and a model; what is tried comes after. */
const SETUP = `
  import { readdirSync, truncateSync, writeFileSync } from 'node:fs';
  import { join } from 'node:path';
  import { Dataset, DenseNet121 } from 'torch-tl';
  let file;
  const data = await Dataset.fromFolder('flowers', {
    imageSize: 32, imageCache: 'cache', onDecoded: (report) => { file = report.file; },
  });
  const model = await DenseNet121.create({ head: 'linear', classes: data.classes, imageSize: 32 });
  const told = ({ name, code, message }) => console.log(JSON.stringify({ name, code, message }));
  const lives = async () => {
    const image = { data: new Uint8Array(32 * 32 * 3), width: 32, height: 32, channels: 3 };
    const [{ label }] = await model.predict(image);
    console.log(JSON.stringify({ lives: data.classes.includes(label) }));
  };
`;

async function images(): Promise<string> {
  const cwd = temporaryDirectory();
  const names = Array.from({ length: 30 }, (_, index) => [`rose/${index}.png`, `tulip/${index}.png`]).flat();
  await writeImages(
    join(cwd, 'flowers'),
    Object.fromEntries(names.map((name, index) => [name, [index * 4, 255 - index, index]])),
  );
  return cwd;
}

async function lines(cwd: string, text: string): Promise<unknown[]> {
  const { code, stdout, stderr } = await program(SETUP + text, { cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const unreadable = (...parts: string[]) => ({
  name: 'TorchTlError',
  code: 'FILE_UNREADABLE',
  message: expect.stringMatching(parts.join('.*')),
});

describe.for([
  ['a training', 'model.fit(data, { valid: data, epochs: 1000, batchSize: 4, onBatch: cut }).result'],
  [
    'a training on cached features, before these are made',
    "model.fit(data, { valid: data, epochs: 9, batchSize: 4, freeze: 'backbone', onFeatures: cut }).result",
  ],
  ['logits', 'model.logits(data, { batchSize: 4, onProgress: cut })'],
  ['features', 'model.features(data, { batchSize: 4, onProgress: cut })'],
  ['an evaluation', 'model.evaluate(data, { batchSize: 4, onProgress: cut })'],
])('the images of %s', ([, call]) => {
  test('are cut short: FILE_UNREADABLE names the file, and the model lives on', async () => {
    const text = `
      const cut = () => truncateSync(file, 100);
      await ${call}.catch(told);
      await lives();
    `;
    expect(await lines(await images(), text)).toEqual([
      unreadable('decoded images in', 'cache', 'pixels', 'cut the file short', 'read the data set again'),
      { lives: true },
    ]);
  });
});

describe('kept features', () => {
  const training = `
    const fit = (options) => model.fit(data, {
      valid: data, epochs: 3, batchSize: 4, freeze: 'backbone', featureCache: 'shared', ...options,
    }).result;
    const reused = (list) => ({ onCache: (report) => list.push(report.reused) });
    const kept = () => readdirSync('shared').filter((name) => name.endsWith('.features')).map((name) => join('shared', name));
  `;

  test.for([
    ['cut short', 'truncateSync(path, 5000)'],
    ['emptied', 'truncateSync(path, 0)'],
    ['cut short and made as long again', 'truncateSync(path, 5000); truncateSync(path, size)'],
    [
      'overwritten in part',
      "const handle = openSync(path, 'r+'); writeSync(handle, Buffer.alloc(5000, 1), 0, 5000, 6000)",
    ],
  ])('are %s: FILE_UNREADABLE names the file, and the next training makes them anew', async ([, change]) => {
    const text = `
      import { openSync, statSync, utimesSync, writeSync } from 'node:fs';
      ${training}
      await fit();
      const cut = () => { for (const path of kept()) { const { size } = statSync(path); ${change} } };
      let once = () => { once = () => {}; cut(); };
      await fit({ epochs: 1000, onBatch: () => once() }).catch(told);
      await lives();
      const list = [];
      const again = await fit(reused(list));
      console.log(JSON.stringify({ list, epochs: again.epochs.length }));
    `;
    expect(await lines(await images(), text)).toEqual([
      unreadable('features in', 'shared', '\\.features', 'another program', 'train again'),
      { lives: true },
      { list: [false, false], epochs: 3 },
    ]);
  });

  test('whose time alone changes are used on', async () => {
    const text = `
      import { utimesSync } from 'node:fs';
      ${training}
      await fit();
      const list = [];
      const touch = () => { for (const path of kept()) utimesSync(path, new Date(), new Date()); };
      const touched = await fit({ ...reused(list), onBatch: touch });
      console.log(JSON.stringify({ list, epochs: touched.epochs.length }));
    `;
    expect(await lines(await images(), text)).toEqual([{ list: [true, true], epochs: 3 }]);
  });

  test('that are cut short while they are made: WRITE_FAILED, and nothing is kept', async () => {
    const text = `
      ${training}
      const cut = () => { for (const name of readdirSync('shared')) truncateSync(join('shared', name), 0); };
      await fit({ onFeatures: cut }).catch(told);
      await lives();
      console.log(JSON.stringify(readdirSync('shared')));
    `;
    const [failure, ...rest] = await lines(await images(), text);
    expect(failure).toMatchObject({ name: 'TorchTlError', code: 'WRITE_FAILED' });
    expect(failure).toMatchObject({ message: expect.stringContaining('shared') });
    expect(rest).toEqual([{ lives: true }, []]);
  });
});

// Only this process can reach it.
test.runIf(process.platform === 'linux')('a file of features that has no name is cut short', async () => {
  const model = await frozenModel('denseblock3');
  const [train, valid] = [await nativeData('train', 24), await nativeData('valid', 4)];
  const directory = temporaryDirectory();
  const options = trainOptions(train, {
    epochs: 50,
    batchSize: 4,
    featureCache: { directory, memoryLimit: 0 },
  });
  const cut = (event: TrainEvent) => {
    if (event.type === 'batch') for (const path of openIn(directory)) truncateSync(path, 0);
  };
  await expect(model.train(train, valid, options, cut, []).result).rejects.toMatchObject({
    code: 'FILE_UNREADABLE',
    message: expect.stringContaining(directory),
  });
});

describe('weights that are cut short while they are read', () => {
  test.for(['weights.safetensors', 'weights.pth'])('%s are WEIGHTS_INVALID or whole', async (name) => {
    const path = join(temporaryDirectory(), name);
    const shape = [1 << 22];
    const tensors = Array.from({ length: 4 }, (_, index) => ({
      name: `tensor${index}`,
      dtype: 'uint8' as const,
      shape,
      data: new Uint8Array(1 << 22),
    }));
    let failures = 0;
    for (let turns = 0; turns < 12; turns++) {
      if (name.endsWith('pth')) await writePth(path, tensors);
      else await writeSafetensors(path, tensors, {});
      const reading = readWeights(path).then(
        () => null,
        (error: unknown) => error,
      );
      for (let turn = 0; turn < turns; turn++) await setImmediate();
      truncateSync(path, 100_000);
      const failure = await reading;
      if (failure === null) continue;
      failures += 1;
      expect(failure).toBeInstanceOf(TorchTlError);
      expect(failure).toMatchObject({ code: 'WEIGHTS_INVALID', message: expect.stringContaining(path) });
    }
    expect(failures).toBeGreaterThan(0);
  });
});

/** This process's open files in a directory, also those that have no name any more. */
function openIn(directory: string): string[] {
  const links = readdirSync('/proc/self/fd').map((number) => `/proc/self/fd/${number}`);
  return links.filter((link) => {
    try {
      return readlinkSync(link).startsWith(directory);
    } catch {
      return false;
    }
  });
}
