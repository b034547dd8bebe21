import { EventEmitter, getEventListeners } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Dataset } from '../../lib/data/dataset.ts';
import { DenseNet121 } from '../../lib/densenet121.ts';
import { readSafetensors, writeSafetensors } from '../../lib/formats/safetensors.ts';
import { hashOfFile } from '../../lib/support/files.ts';
import { crc32, sha256 } from '../../lib/support/hash.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { SharedWork, unlessAborted, withFirstOf } from '../../lib/support/signals.ts';
import { readCheckpoint } from '../../lib/training/checkpoint.ts';
import { resolveWeights } from '../../lib/weights/catalogue.ts';
import { readWeights } from '../../lib/weights/read-weights.ts';
import { program } from '../cli/torch-tl.ts';
import { smallData, smallModel } from './small-data.ts';
import { temporaryDirectory } from './temporary-directory.ts';

describe('withFirstOf', () => {
  test('stops the work with the reason of the first signal, and leaves no listener', async () => {
    const [given, other] = [new AbortController(), new AbortController()];
    const work = withFirstOf([given.signal, undefined, other.signal], forever);
    other.abort('first');
    given.abort('second');
    await expect(work).rejects.toBe('first');
    expect(listeners(given.signal)).toBe(0);
    expect(listeners(other.signal)).toBe(0);
  });

  test('gives work that begins after an abort the reason', async () => {
    const work = withFirstOf([new AbortController().signal, AbortSignal.abort('before')], async (signal) =>
      signal.throwIfAborted(),
    );
    await expect(work).rejects.toBe('before');
  });

  test.for<[string, () => Promise<number>]>([
    ['is done', async () => 7],
    ['fails', async () => Promise.reject(new Error('mistake'))],
    [
      'throws',
      () => {
        throw new Error('mistake');
      },
    ],
  ])('leaves no listener where the work %s', async ([, work]) => {
    const { signal } = new AbortController();
    await withFirstOf([signal], work).catch(() => {});
    expect(listeners(signal)).toBe(0);
  });
});

test('a hundred calls on one signal make Node.js warn of nothing, and all hear of it', async () => {
  const warnings: string[] = [];
  const hear = ({ name }: Error) => warnings.push(name);
  process.on('warning', hear);
  const controller = new AbortController();
  const calls = Array.from({ length: 100 }, () => withFirstOf([controller.signal], forever));
  await setImmediate();
  controller.abort('enough');
  const ends = await Promise.allSettled(calls);
  process.off('warning', hear);
  expect(new Set(ends.map((end) => (end as PromiseRejectedResult).reason))).toEqual(new Set(['enough']));
  expect(ends).toHaveLength(100);
  expect(warnings).toEqual([]);
  expect(listeners(controller.signal)).toBe(0);
});

describe('unlessAborted', () => {
  test('rejects at once, and leaves no listener', async () => {
    const controller = new AbortController();
    const waiting = unlessAborted(new Promise(() => {}), controller.signal);
    controller.abort('enough');
    await expect(waiting).rejects.toBe('enough');
    expect(listeners(controller.signal)).toBe(0);
  });

  test('gives what was promised, and leaves no listener', async () => {
    const { signal } = new AbortController();
    expect(await unlessAborted(Promise.resolve(7), signal)).toBe(7);
    expect(listeners(signal)).toBe(0);
  });
});

describe('SharedWork', () => {
  test('goes on while one of those who wait still does', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const { work, stopped, finish } = sharedWork();
    const waiting = [work.result(first.signal), work.result(second.signal)];
    first.abort('enough');
    await expect(waiting[0]).rejects.toBe('enough');
    expect([stopped(), work.lost]).toEqual([false, false]);
    finish(7);
    expect(await waiting[1]).toBe(7);
    expect([stopped(), work.lost]).toEqual([false, false]);
  });

  test('is stopped when nobody waits any more', async () => {
    const controller = new AbortController();
    const { work, stopped } = sharedWork();
    const waiting = work.result(controller.signal);
    controller.abort('enough');
    await expect(waiting).rejects.toBe('enough');
    expect([stopped(), work.lost]).toEqual([true, true]);
  });

  test('keeps its result after the last one has it', async () => {
    const { work, stopped, finish } = sharedWork();
    finish(7);
    expect([await work.result(), await work.result()]).toEqual([7, 7]);
    expect([stopped(), work.lost]).toEqual([false, false]);
  });
});

const EMBEDDED = join(packageRoot, 'assets', 'densenet121-tiny-imagenet-distilled.safetensors');
const LONG = new Uint8Array(1 << 26);

/** What reads, hashes or copies, each with a signal that stops it. */
const STOPPABLE: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
  sha256: (signal) => sha256([LONG], signal),
  crc32: (signal) => crc32([LONG], signal),
  hashOfFile: (signal) => hashOfFile(EMBEDDED, { signal }),
  resolveWeights: (signal) => resolveWeights('tiny-imagenet-distilled', signal),
  readSafetensors: (signal) => readSafetensors(EMBEDDED, signal),
  readWeights: (signal) => readWeights(EMBEDDED, signal),
  'readWeights of torch.save': async (signal) => readWeights(beginningLikeAZip(), signal),
  readCheckpoint: async (signal) => readCheckpoint(await tensorFile(), signal),
  'DenseNet121.create': (signal) =>
    DenseNet121.create({ head: 'linear', classes: ['a', 'b'], imageSize: 32, signal }),
  'DenseNet121.load': (signal) => DenseNet121.load(EMBEDDED, { signal }),
  'Dataset.onDevice': async (signal) => (await smallData()).train.onDevice('cpu', signal),
  'Dataset.pixelsSha256': async (signal) => (await smallData()).train.pixelsSha256(signal),
};

describe.for(Object.entries(STOPPABLE))('%s', ([, start]) => {
  test('is stopped by a signal, with its reason', async () => {
    await expect(start(AbortSignal.abort('before'))).rejects.toBe('before');
  });
});

test.for(['onDevice', 'pixelsSha256'] as const)(
  'an abort of one %s leaves the others theirs',
  async (method) => {
    const { train } = await smallData();
    const call = (data: Dataset, signal?: AbortSignal) =>
      method === 'onDevice' ? data.onDevice('cpu', signal) : data.pixelsSha256(signal);
    const controller = new AbortController();
    const [stopped, other] = [call(train, controller.signal), call(train)];
    controller.abort('enough');
    await expect(stopped).rejects.toBe('enough');
    const alone = new AbortController();
    const { valid } = await smallData();
    const again = call(valid, alone.signal);
    alone.abort('enough');
    await expect(again).rejects.toBe('enough');
    expect(await call(train)).toBe(await other);
    expect(await call(valid)).toBeDefined();
  },
);

test('a copy to the device that waits for a training is given up at once', async () => {
  const [{ train, valid }, other] = [await smallData(), await smallData(6, 6)];
  const [busy, model] = [await smallModel({ imageSize: 96 }), await smallModel()];
  busy.unfreeze();
  const stop = new AbortController();
  const run = busy.fit(train, { valid, epochs: 1000, signal: stop.signal });
  const abort = new AbortController();
  const logits = model.logits(other.train, { signal: abort.signal });
  abort.abort('enough');
  await expect(logits).rejects.toBe('enough');
  stop.abort('over');
  await expect(run.result).rejects.toBe('over');
});

const CALLS = `
  import { getEventListeners } from 'node:events';
  import { setFlagsFromString } from 'node:v8';
  import { runInNewContext } from 'node:vm';
  import { Dataset, DenseNet121 } from 'torch-tl';
  process.on('warning', ({ name }) => console.log('warning ' + name));
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc');
  const { signal } = new AbortController();
  const image = { data: new Uint8Array(32 * 32 * 3), width: 32, height: 32, channels: 3 };
  const model = await DenseNet121.create({ head: 'linear', classes: ['a', 'b'], imageSize: 32 });
  const heap = () => { gc(); gc(); return process.memoryUsage().heapUsed; };
  const repeat = async (times, call) => { for (let i = 0; i < times; i++) await call(); };
`;

test('twenty thousand calls with one signal leave no memory with it, nor a listener', async () => {
  const text = `${CALLS}
    const call = () => model.predict([], { signal });
    await repeat(5000, call);
    const before = heap();
    await repeat(20000, call);
    const bytes = (heap() - before) / 20000;
    await Promise.all(Array.from({ length: 50 }, () => model.predict(image, { signal })));
    await repeat(20, async () => (await Dataset.fromImages([image], [0], { classes: ['a'], imageSize: 32, signal })).dispose());
    const dependants = Object.getOwnPropertySymbols(signal).find((symbol) => String(symbol).includes('Dependant'));
    console.log(JSON.stringify({
      bytes, listeners: getEventListeners(signal, 'abort').length, dependants: dependants ? signal[dependants].size : 0,
    }));
  `;
  const { stdout, stderr } = await program(text, { cwd: temporaryDirectory() });
  expect(stderr).toBe('');
  const { bytes, ...left } = JSON.parse(stdout) as { bytes: number };
  expect(left).toEqual({ listeners: 0, dependants: 0 });
  // AbortSignal.any leaves about 75 on Node.js 20.
  expect(bytes).toBeLessThan(25);
});

function forever(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length;
}

/** Work that ends when the test says so. */
function sharedWork() {
  const ended = new EventEmitter();
  let signal: AbortSignal | undefined;
  const work = new SharedWork<number>((stopped) => {
    signal = stopped;
    return new Promise((resolve) => {
      ended.once('end', resolve);
    });
  });
  return { work, stopped: () => signal?.aborted, finish: (value: number) => ended.emit('end', value) };
}

function beginningLikeAZip(): string {
  const path = join(temporaryDirectory(), 'weights.pth');
  writeFileSync(path, Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), Buffer.alloc(1000)]));
  return path;
}

async function tensorFile(): Promise<string> {
  const path = join(temporaryDirectory(), 'checkpoint');
  await writeSafetensors(path, [{ name: 'a', dtype: 'uint8', shape: [4], data: new Uint8Array(4) }], {});
  return path;
}
