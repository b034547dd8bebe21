import { describe, expect, test } from 'vitest';
import type { HostTensor, TensorType } from '../../lib/engine/native-computation.ts';
import type { TrainEvent } from '../../lib/engine/native-training.ts';
import { ITEM_SIZES } from '../../lib/formats/stored-tensor.ts';
import { frozenModel } from '../support/frozen-model.ts';
import {
  nativeData,
  nativeTraining,
  newestCheckpoint,
  PLAIN_STAGE,
  type TrainingOptions,
  trainOptions,
} from '../support/native.ts';
import { stopped } from '../support/stopped.ts';

/*
 * Checkpoints that somebody wrote by hand, with a checksum that is right: the engine refuses what cannot be, and reads
 * nothing as something that it is not.
 */

/** Number of epochs of a training that the event loop surely hears of before it ends. */
const EPOCHS = 50;

/** What has a state: dropout, order, momentum, average, plateau and patience, a step of several batches. */
const OPTIONS: TrainingOptions = {
  batchSize: 1,
  seed: 5,
  stages: [
    {
      ...PLAIN_STAGE,
      epochs: EPOCHS,
      trainable: null,
      schedule: { ...PLAIN_STAGE.schedule, type: 'plateau', plateauPatience: 1 },
      earlyStopping: { patience: EPOCHS, minDelta: 0 },
    },
  ],
  gradientAccumulationSteps: 9,
  emaDecay: 0.9,
  checkpoints: true,
};

const images = async () => [await nativeData('train', 10), await nativeData('valid', 4)] as const;

/** A checkpoint within an epoch and within a step, in which everything stands that may stand in one. */
async function fullCheckpoint(): Promise<HostTensor[]> {
  const [train, valid] = await images();
  const model = await frozenModel('norm5');
  let tensors: HostTensor[] = [];
  const isFull = () => tensors.some(({ name }) => name.startsWith('gradient.'));
  const error = await stopped(async () => {
    const stop = ({ type, ...event }: TrainEvent) => {
      if (type === 'batch' && 'epoch' in event && event.epoch >= 2) job.abort();
    };
    const job = model.train(train, valid, trainOptions(train, OPTIONS), stop, []);
    await job.result.catch((reason) => {
      tensors = newestCheckpoint(model);
      if (isFull()) throw reason;
    });
  });
  expect(error).toMatchObject({ code: 'ABORTED' });
  return tensors;
}

type Answer = (checkpoint: HostTensor[]) => Promise<string>;

/** How a model, whose state is restored whole, answers to a checkpoint; 'trained' if it goes on from it. */
async function newAnswer(): Promise<Answer> {
  const [train, valid] = await images();
  const model = await frozenModel('norm5');
  return async (checkpoint) => {
    try {
      await nativeTraining(model, train, valid, OPTIONS, checkpoint);
      return 'trained';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
}

const bytesOf = (values: BigInt64Array | Float64Array) => new Uint8Array(values.buffer);
const longs = (...values: bigint[]) => bytesOf(new BigInt64Array(values));

type Change = (tensor: HostTensor) => HostTensor | null;

/** The same bytes as another number of rows, or as a row where there was a number. */
const reshaped: Change = (tensor) => ({ ...tensor, shape: [1, ...tensor.shape] });
const longer: Change = ({ shape: [rows = 1, ...rest], data, ...tensor }) => {
  const more = data.slice(0, data.length / Math.max(rows, 1));
  return { ...tensor, shape: [rows + 1, ...rest], data: Buffer.concat([data, more]) };
};
const OTHER_TYPES: Record<TensorType, TensorType> = {
  int64: 'float64',
  float64: 'int64',
  float32: 'float16',
  float16: 'bfloat16',
  bfloat16: 'float16',
  uint8: 'float32',
};
const retyped: Change = (tensor) => {
  const dtype = OTHER_TYPES[tensor.dtype];
  const bytes = tensor.shape.reduce<number>((product, size) => product * size, ITEM_SIZES[dtype]);
  return { ...tensor, dtype, data: tensor.data.length === bytes ? tensor.data : new Uint8Array(bytes) };
};

/** Without these, a checkpoint is that of an earlier version, or of a training that had none. */
const MAY_LACK = /^(gradient\.|best_epoch\.logits$|metrics\.weight$|random\.dropout)/;

describe('a checkpoint whose', () => {
  let whole: HostTensor[] = [];
  const changed = (name: string, change: Change) =>
    whole.flatMap((tensor) => (tensor.name === name ? (change(tensor) ?? []) : tensor));

  test('tensors are as they were is resumed', async () => {
    whole = await fullCheckpoint();
    const answerTo = await newAnswer();
    expect(await answerTo(whole)).toBe('trained');
  });

  test.for<[string, Change, RegExp?]>([
    ['has other dimensions', reshaped],
    ['has another row', longer],
    ['has another dtype', retyped],
    ['is missing', () => null, MAY_LACK],
  ])('tensor %s is refused, whichever it is', async ([, change, exceptions]) => {
    const answerTo = await newAnswer();
    const answers = new Map<string, string>();
    for (const { name } of whole) {
      // Of the weights a few are enough: they are restored by one loop.
      if (/denseblock|transition|conv0|norm0/.test(name)) continue;
      const expected = exceptions?.test(name) ? 'trained' : 'CHECKPOINT_INVALID';
      const answer = await answerTo(changed(name, change));
      if (answer !== expected) answers.set(name, answer);
    }
    expect(Object.fromEntries(answers)).toEqual({});
  });

  test('counters are negative, or figures no numbers, is refused', async () => {
    const answerTo = await newAnswer();
    const answers = new Map<string, string>();
    for (const { name, dtype, shape } of whole) {
      if (shape.length > 0 || /^(model|best)\./.test(name)) continue;
      const data = dtype === 'int64' ? longs(-1n) : bytesOf(Float64Array.of(Number.NaN));
      const answer = await answerTo(changed(name, (tensor) => ({ ...tensor, data })));
      if (answer !== 'CHECKPOINT_INVALID') answers.set(name, answer);
    }
    expect(Object.fromEntries(answers)).toEqual({});
  });

  test.for<[string, string, Uint8Array]>([
    ['stage is behind the last one', 'progress.stage', longs(1n)],
    ['stage is far behind the last one', 'progress.stage', longs(2n ** 62n)],
    ['batch is behind the last one', 'progress.batch', longs(11n)],
    ['images come twice', 'progress.order', longs(0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 8n)],
    ['images are others than there are', 'progress.order', longs(1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n, 10n)],
    ['images are before the first', 'progress.order', longs(-1n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n)],
  ])('%s is refused', async ([, name, data]) => {
    const answerTo = await newAnswer();
    expect(await answerTo(changed(name, (tensor) => ({ ...tensor, data })))).toBe('CHECKPOINT_INVALID');
  });

  test('generators have states that they never come to is refused', async () => {
    const answerTo = await newAnswer();
    for (const byte of [0, 0xff]) {
      const answer = await answerTo(
        changed('random.order', (tensor) => ({ ...tensor, data: tensor.data.map(() => byte) })),
      );
      expect(answer).toBe('CHECKPOINT_INVALID');
    }
  });
});
