import {
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import type { DenseNet121 } from '../../lib/densenet121.ts';
import type { CreateOptions } from '../../lib/options/model.ts';
import { readCheckpoint } from '../../lib/training/checkpoint.ts';
import type { BatchProgress, FitOptions, FitResult, ResumeEvent } from '../../lib/training/fit.ts';
import { smallData, smallModel } from '../support/small-data.ts';
import { stopped } from '../support/stopped.ts';
import { lastingDirectory, shared, temporaryDirectory } from '../support/temporary-directory.ts';

/** Trains the head with a checkpoint. */
async function trained(
  checkpoint: string,
  options: Omit<Partial<FitOptions>, 'valid'> = {},
): Promise<{ model: DenseNet121; result: FitResult; resumption: ResumeEvent | undefined }> {
  const { train, valid } = await smallData();
  const model = await smallModel();
  model.freeze();
  let resumption: ResumeEvent | undefined;
  const onResume = (event: ResumeEvent) => {
    resumption = event;
  };
  const result = await model.fit(train, { epochs: 2, checkpoint, onResume, ...options, valid }).result;
  return { model, result, resumption };
}

/** A training that has ended, whose checkpoint lies at a place of the running test's. */
async function finished(): Promise<{ file: string; result: FitResult }> {
  const { file, result } = await undisturbed();
  const copy = checkpointFile();
  cpSync(file, copy);
  return { file: copy, result };
}

const undisturbed = shared(async () => {
  const file = join(lastingDirectory(), 'training.safetensors');
  return { file, ...(await trained(file)) };
});

/** The head of `smallModel`, and a layer without tensors in it. */
const WITH_DROPOUT: CreateOptions['head'] = [
  { type: 'globalAveragePool' },
  { type: 'dropout', rate: 0.5 },
  { type: 'dense', units: 'classes' },
];

const timeless = ({ epochs }: FitResult) => epochs.map(({ seconds, ...epoch }) => epoch);

/** Why a checkpoint is refused; null where it is not. */
function refusal(file: string): Promise<unknown> {
  return readCheckpoint(file).then(
    () => null,
    (error: unknown) => error,
  );
}

/** Inverts the lowest bit of one byte. */
function flip(path: string, position: number): void {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, position);
  writeSync(file, Uint8Array.of((byte[0] as number) ^ 1), 0, 1, position);
  closeSync(file);
}

const checkpointFile = () => join(temporaryDirectory(), 'made', 'training.safetensors');

describe('a checkpoint', () => {
  test('holds the epochs, the options and the data of the training', async () => {
    const file = checkpointFile();
    const { result } = await trained(file);
    const checkpoint = await readCheckpoint(file);
    expect(checkpoint).toMatchObject({ batch: 0, epochs: result.epochs, resumed: [] });
    expect(checkpoint?.options).toMatchObject({ epochs: 2, learningRate: 1e-3, device: 'cpu' });
    expect(checkpoint?.data.train).not.toBe(checkpoint?.data.valid);
    expect(readdirSync(join(file, '..'))).toEqual(['training.safetensors']);
  });

  test('is null where there is none, and a training then starts afresh', async () => {
    const file = checkpointFile();
    expect(await readCheckpoint(file)).toBeNull();
    const { resumption, result } = await trained(file, { resume: true });
    expect(resumption).toBeUndefined();
    expect(result.resumed).toEqual([]);
    expect(existsSync(file)).toBe(true);
  });

  test('is refused with any byte flipped', async () => {
    const { file } = await finished();
    const { size } = statSync(file);
    // The header's length, the header, tensors of every kind, the last byte.
    const places = [0, 8, 20, 1000, 50_000, ...Array.from({ length: 5 }, (_, i) => size - 1 - i * 5_000_000)];
    for (const place of places) {
      flip(file, place);
      expect(await refusal(file), `byte ${place}`).toMatchObject({
        name: 'InputError',
        code: 'CHECKPOINT_INVALID',
        message: expect.stringContaining(file),
      });
      flip(file, place);
    }
    expect(await refusal(file)).toBeNull();
  });

  test.each([0, 7, 100_000])('is refused cut off after %d bytes', async (length) => {
    const { file } = await finished();
    truncateSync(file, length);
    const { code, message } = (await refusal(file)) as Error & { code: string };
    expect([code, message.split(file)]).toEqual([
      'CHECKPOINT_INVALID',
      ['The checkpoint ', expect.any(String)],
    ]);
    expect(message).toMatch(/[^.]\. Remove it to start from the beginning\.$/);
  });
});

describe('a training that goes on', () => {
  test('comes to what one without a stop does, and tells of what may change', async () => {
    const { file } = await finished();
    const { result, resumption } = await trained(file, { epochs: 4, resume: true });
    expect(resumption).toMatchObject({ epoch: 2, batch: 0, changed: ['epochs was 2 and is now 4'] });
    expect(result.resumed).toEqual([{ epoch: 2, batch: 0 }]);
    const { result: whole } = await trained(checkpointFile(), { epochs: 4 });
    expect(timeless(result)).toEqual(timeless(whole));
    expect(result.best).toMatchObject({ epoch: whole.best.epoch });
  });

  test('with fewer epochs than its stage has begun: the next stage has whole epochs', async () => {
    const file = checkpointFile();
    const gradual = { recipe: 'gradual', batchSize: 4, schedule: 'cosine' } as const;
    do {
      await stopped(() => {
        rmSync(file, { force: true });
        const stop = new AbortController();
        const onBatch = ({ epoch }: BatchProgress) => epoch === 2 && stop.abort();
        return trained(file, { ...gradual, epochs: 8, signal: stop.signal, onBatch });
      });
    } while ((await readCheckpoint(file))?.batch === 0);
    const { resumption, result } = await trained(file, { ...gradual, epochs: 4, resume: true });
    expect(resumption).toMatchObject({ epoch: 1 });
    // The rate falls with every step: at an epoch's end it tells how many there were.
    const { result: whole } = await trained(checkpointFile(), { ...gradual, epochs: 4 });
    const ends = ({ epochs }: FitResult) => epochs.slice(1).map(({ stage, lr }) => [stage, lr]);
    expect(ends(result)).toEqual(ends(whole));
  });

  test('tells of the best epoch before, whose weights may not have been written', async () => {
    const file = checkpointFile();
    const { model, result } = await trained(file);
    const directory = temporaryDirectory();
    await model.saveBest(join(directory, 'before'));
    const best: number[] = [];
    const again = await trained(file, { resume: true, onBest: ({ epoch }) => best.push(epoch) });
    expect(best).toEqual([result.best.epoch]);
    await again.model.saveBest(join(directory, 'after'));
    const [before, after] = ['before', 'after'].map((name) => readFileSync(join(directory, name)));
    expect(after?.equals(before as Buffer)).toBe(true);
  });

  test('records each time where it went on', async () => {
    const file = checkpointFile();
    await trained(file, { epochs: 1 });
    await trained(file, { epochs: 2, resume: true });
    const { result } = await trained(file, { epochs: 3, resume: true });
    expect(result.resumed).toEqual([
      { epoch: 1, batch: 0 },
      { epoch: 2, batch: 0 },
    ]);
  });

  test('refuses an option that has changed, by name', async () => {
    const { file } = await finished();
    await expect(trained(file, { learningRate: 0.01, resume: true })).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringContaining('learningRate was 0.001 and is now 0.01'),
    });
  });

  test.for<[string, Partial<CreateOptions>, string]>([
    ['size', { imageSize: 48 }, "the model's imageSize was 32 and is now 48"],
    ['dropout', { head: WITH_DROPOUT }, "the model's head was"],
    ['weights', { weights: 'tiny-imagenet-distilled' }, 'the model began with other weights'],
  ])('refuses a model of another %s', async ([, options, message]) => {
    const { file } = await finished();
    const { train, valid } = await smallData();
    const model = await smallModel(options);
    model.freeze();
    const { result } = model.fit(train, { valid, epochs: 3, checkpoint: file, resume: true });
    await expect(result).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringContaining(message),
    });
  });

  test('refuses images that have changed', async () => {
    const { file } = await finished();
    const { train, valid } = await Dataset.cifar10('sample', { train: 23, valid: 11 });
    for (const [part, data] of [
      ['training', { train, valid: (await smallData()).valid }],
      ['validation', { train: (await smallData()).train, valid }],
    ] as const) {
      const model = await smallModel();
      model.freeze();
      const { result } = model.fit(data.train, {
        valid: data.valid,
        epochs: 2,
        checkpoint: file,
        resume: true,
      });
      await expect(result).rejects.toMatchObject({
        code: 'CHECKPOINT_MISMATCH',
        message: expect.stringContaining(`the ${part} images differ`),
      });
    }
    train.dispose();
    valid.dispose();
  });
});
