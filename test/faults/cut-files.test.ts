import {
  closeSync,
  openSync,
  readdirSync,
  readlinkSync,
  statSync,
  truncateSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import type { DenseNet121 } from '../../lib/densenet121.ts';
import type { TrainEvent } from '../../lib/engine/native-training.ts';
import { TorchTlError } from '../../lib/errors.ts';
import { writePth } from '../../lib/formats/pth/write-pth.ts';
import { writeSafetensors } from '../../lib/formats/safetensors.ts';
import type { FitOptions } from '../../lib/training/fit.ts';
import { readWeights } from '../../lib/weights/read-weights.ts';
import { frozenModel } from '../support/frozen-model.ts';
import { writeImages } from '../support/images.ts';
import { nativeData, trainOptions } from '../support/native.ts';
import { smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * Files that another program changes while they are in use. A mapped one would end the process by SIGBUS.
 */

interface Setting {
  /** 240 images in a cache's file. */
  data: Dataset;
  file: string;
  model: DenseNet121;
  /** Where features may be kept. */
  shared: string;
}

async function setting(): Promise<Setting> {
  const cwd = temporaryDirectory();
  const names = Array.from({ length: 120 }, (_, index) => [`rose/${index}.png`, `tulip/${index}.png`]).flat();
  await writeImages(
    join(cwd, 'flowers'),
    Object.fromEntries(names.map((name, index) => [name, [index, 255 - index, index]])),
  );
  let file: string | null | undefined;
  const data = await Dataset.fromFolder(join(cwd, 'flowers'), {
    imageSize: 32,
    imageCache: join(cwd, 'cache'),
    onDecoded: (report) => {
      file = report.file;
    },
  });
  onTestFinished(() => data.dispose());
  const model = await smallModel({ classes: data.classes });
  return { data, file: file as string, model, shared: join(cwd, 'shared') };
}

async function expectAlive({ model, data }: Setting): Promise<void> {
  const [answer] = await model.predict({
    data: new Uint8Array(32 * 32 * 3),
    width: 32,
    height: 32,
    channels: 3,
  });
  expect(data.classes).toContain(answer?.label);
}

const unreadable = (...parts: string[]) => ({
  name: 'TorchTlError',
  code: 'FILE_UNREADABLE',
  message: expect.stringMatching(parts.join('.*')),
});

// Few images at a time, so that a busy machine has cut the file before the last one is read.
describe.for<[string, (setting: Setting, cut: () => void) => Promise<unknown>]>([
  [
    'a training',
    ({ model, data }, onBatch) =>
      model.fit(data, { valid: data, epochs: 1000, batchSize: 4, onBatch }).result,
  ],
  [
    'a training on cached features, before these are made',
    ({ model, data }, onFeatures) =>
      model.fit(data, { valid: data, epochs: 9, batchSize: 4, freeze: 'backbone', onFeatures }).result,
  ],
  ['logits', ({ model, data }, onProgress) => model.logits(data, { batchSize: 2, onProgress })],
  ['features', ({ model, data }, onProgress) => model.features(data, { batchSize: 2, onProgress })],
  ['an evaluation', ({ model, data }, onProgress) => model.evaluate(data, { batchSize: 2, onProgress })],
])('the images of %s', ([, call]) => {
  test('are cut short: FILE_UNREADABLE names the file, and the model lives on', async () => {
    const all = await setting();
    await expect(call(all, () => truncateSync(all.file, 100))).rejects.toMatchObject(
      unreadable('decoded images in', 'cache', 'pixels', 'cut the file short', 'read the data set again'),
    );
    await expectAlive(all);
  });
});

describe('kept features', () => {
  const trained = ({ model, data, shared }: Setting, options: Partial<FitOptions> = {}) =>
    model.fit(data, {
      valid: data,
      epochs: 3,
      batchSize: 4,
      freeze: 'backbone',
      featureCache: shared,
      ...options,
    }).result;
  const kept = ({ shared }: Setting) =>
    readdirSync(shared)
      .filter((name) => name.endsWith('.features'))
      .map((name) => join(shared, name));

  test.for<[string, (path: string, size: number) => void]>([
    ['cut short', (path) => truncateSync(path, 5000)],
    ['emptied', (path) => truncateSync(path, 0)],
    [
      'cut short and made as long again',
      (path, size) => {
        truncateSync(path, 5000);
        truncateSync(path, size);
      },
    ],
    ['overwritten in part', (path, size) => overwrite(path, size - 5000, Buffer.alloc(5000, 1))],
  ])('are %s: FILE_UNREADABLE names the file, and the next training makes them anew', async ([, change]) => {
    const all = await setting();
    await trained(all);
    let isChanged = false;
    const onBatch = () => {
      if (!isChanged) for (const path of kept(all)) change(path, statSync(path).size);
      isChanged = true;
    };
    await expect(trained(all, { epochs: 1000, earlyStoppingPatience: 'off', onBatch })).rejects.toMatchObject(
      unreadable('features in', 'shared', '\\.features', 'another program', 'train again'),
    );
    await expectAlive(all);
    const reused: boolean[] = [];
    const again = await trained(all, { onCache: (report) => reused.push(report.reused) });
    expect(reused).toEqual([false, false]);
    expect(again.epochs).toHaveLength(3);
  });

  test('whose time alone changes are used on', async () => {
    const all = await setting();
    await trained(all);
    const reused: boolean[] = [];
    const touched = await trained(all, {
      onCache: (report) => reused.push(report.reused),
      onBatch: () => {
        for (const path of kept(all)) utimesSync(path, new Date(), new Date());
      },
    });
    expect(reused).toEqual([true, true]);
    expect(touched.epochs).toHaveLength(3);
  });

  test('that are cut short while they are made: WRITE_FAILED, and nothing is kept', async () => {
    const all = await setting();
    const onFeatures = () => {
      for (const name of readdirSync(all.shared)) truncateSync(join(all.shared, name), 0);
    };
    await expect(trained(all, { onFeatures })).rejects.toMatchObject({
      name: 'TorchTlError',
      code: 'WRITE_FAILED',
      message: expect.stringContaining('shared'),
    });
    await expectAlive(all);
    expect(readdirSync(all.shared)).toEqual([]);
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
    featureCache: { directory, memoryLimit: 0, kept: null },
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

function overwrite(path: string, position: number, bytes: Buffer): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, position);
  closeSync(file);
}

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
