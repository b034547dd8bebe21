import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { HostTensor } from '../../lib/engine/native-computation.ts';
import type { EpochMetrics, TrainEvent } from '../../lib/engine/native-training.ts';
import { evaluation } from '../../lib/model/evaluate.ts';
import { rowsOf } from '../../lib/model/logits.ts';
import { MONITORS, type Monitor } from '../../lib/options/index.ts';
import { frozenModel } from '../support/frozen-model.ts';
import {
  epochEvents,
  epochsOf,
  nativeData,
  nativeTraining,
  newestCheckpoint,
  PLAIN_STAGE,
  sampleImages,
  type TrainingOptions,
  trainOptions,
} from '../support/native.ts';
import { smallData, smallModel } from '../support/small-data.ts';
import { stopped } from '../support/stopped.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const CLASSES = Array.from({ length: 10 }, (_, index) => `class ${index}`);
/** Uneven numbers of images per class. */
const VALID = 23;
/** A rate at which validation goes up and down. */
const OPTIONS: TrainingOptions = { epochs: 12, learningRate: 0.05, batchSize: 8 };

/** The head of this model trains. */
const headModel = () => frozenModel('norm5');

const images = async () => [await nativeData('train', 24), await nativeData('valid', VALID)] as const;

async function epochsWith(options: TrainingOptions): Promise<EpochMetrics<number>[]> {
  const [train, valid] = await images();
  const { events } = await nativeTraining(await headModel(), train, valid, { ...OPTIONS, ...options });
  return epochEvents(events);
}

/** What a monitor wants to rise. */
function scoreOf(monitor: Monitor, { validLoss, validAccuracy, monitored }: EpochMetrics<number>): number {
  if (monitor === 'loss') return -validLoss;
  return monitor === 'accuracy' ? validAccuracy : (monitored as number);
}

/** The epochs that beat all before them, the lower loss deciding between equal ones. */
function records(monitor: Monitor, epochs: readonly EpochMetrics<number>[]): boolean[] {
  let record: EpochMetrics<number> | undefined;
  return epochs.map((epoch) => {
    const score = scoreOf(monitor, epoch);
    const before = record && scoreOf(monitor, record);
    const beats = before === undefined || score > before;
    const isBest = beats || (score === before && epoch.validLoss < (record?.validLoss ?? 0));
    if (isBest) record = epoch;
    return isBest;
  });
}

describe.each(MONITORS)('monitor %s', (monitor) => {
  test('decides the best epochs', async () => {
    const epochs = await epochsWith({ monitor });
    const best = epochs.map((epoch) => epoch.best);
    expect(best).toEqual(records(monitor, epochs));
    expect(best.indexOf(false)).toBeGreaterThan(0);
    const isOther = monitor === 'balanced-accuracy' || monitor === 'macro-f1';
    for (const epoch of epochs) expect('monitored' in epoch).toBe(isOther);
  });

  test('decides when early stopping ends the training', async () => {
    const [patience, minDelta] = [2, 0.01];
    const epochs = await epochsWith({ monitor, epochs: 40, earlyStopping: { patience, minDelta } });
    let [best, waited] = [Number.NEGATIVE_INFINITY, 0];
    const waits = epochs.map((epoch) => {
      const score = scoreOf(monitor, epoch);
      waited = score > best + minDelta ? 0 : waited + 1;
      if (waited === 0) best = score;
      return waited;
    });
    expect(waits.indexOf(patience)).toBe(epochs.length - 1);
    expect(epochs.length).toBeLessThan(40);
  });

  test('decides when the plateau schedule lowers the rate', async () => {
    const plateau = { plateauFactor: 0.5, plateauPatience: 2, minLearningRate: 1e-4 };
    const schedule = { ...PLAIN_STAGE.schedule, type: 'plateau', ...plateau } as const;
    const epochs = await epochsWith({ monitor, schedule });
    let [best, waited, rate] = [Number.NEGATIVE_INFINITY, 0, 0.05];
    const expected = epochs.map((epoch) => {
      const used = rate;
      const score = scoreOf(monitor, epoch);
      waited = score > best + 1e-4 ? 0 : waited + 1;
      if (waited === 0) best = score;
      if (waited === plateau.plateauPatience) [rate, waited] = [rate / 2, 0];
      return used;
    });
    expect(epochs.map(({ lr }) => lr)).toEqual(expected);
    expect(expected.at(-1)).toBeLessThan(0.05);
  });
});

describe.each(['balanced-accuracy', 'macro-f1'] as const)('the figure of %s', (monitor) => {
  const figureOf = (found: ReturnType<typeof evaluation>) =>
    monitor === 'macro-f1' ? found.macroF1 : found.balancedAccuracy;

  test('is that of the logits of each best epoch, in float64', async () => {
    const [train, valid] = await images();
    const model = await headModel();
    const labels = Array.from((await sampleImages('valid', VALID)).labels, Number);
    const found: Array<[number, number]> = [];
    const onEvent = (event: TrainEvent) => {
      if (event.type !== 'epoch' || !event.best) return;
      const logits = model.bestLogits();
      if (logits === null) return;
      const { buffer, byteOffset, byteLength } = logits.data;
      const data = new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
      const { shape } = logits;
      found.push([event.monitored as number, figureOf(evaluation(rowsOf({ shape, data }), labels, CLASSES))]);
    };
    const options = trainOptions(train, { ...OPTIONS, monitor });
    await model.train(train, valid, options, onEvent, []).result;
    // The engine may be ahead of the event loop; the last best epoch is always there.
    const [live, computed] = found.at(-1) as [number, number];
    expect(Math.abs(live - computed)).toBeLessThanOrEqual(1e-12);
  });

  test('is that of the saved model', async () => {
    const { train, valid } = await smallData(24, VALID);
    const model = await smallModel({ weights: 'tiny-imagenet-distilled' });
    model.freeze();
    const options = { epochs: 4, learningRate: 0.05, precision: 'fp32', monitor } as const;
    const { best } = await model.fit(train, { valid, ...options }).result;
    const saved = await model.evaluate(valid, { precision: 'fp32' });
    expect(Math.abs((best.monitored as number) - figureOf(saved))).toBeLessThanOrEqual(1e-12);
  });

  test('is kept by a checkpoint, so that a resumed training has the same epochs', async () => {
    const options: TrainingOptions = { ...OPTIONS, epochs: 6, monitor, checkpoints: true };
    const stopping = { ...options, earlyStopping: { patience: 3, minDelta: 0 } };
    const whole = await epochsWith(stopping);
    const [train, valid] = await images();
    let checkpoint: HostTensor[] = [];
    const error = await stopped(async () => {
      const model = await headModel();
      const stop = (event: TrainEvent) => {
        if (event.type === 'batch' && event.epoch >= 3) job.abort();
      };
      const job = model.train(train, valid, trainOptions(train, stopping), stop, []);
      await job.result.finally(() => {
        checkpoint = newestCheckpoint(model);
      });
    });
    expect(error).toMatchObject({ code: 'ABORTED' });
    const again = await headModel();
    const { events } = await nativeTraining(again, train, valid, stopping, checkpoint);
    const rest = epochEvents(events);
    expect(rest.map(({ best, monitored }) => [best, monitored])).toEqual(
      whole.slice(-rest.length).map(({ best, monitored }) => [best, monitored]),
    );
    expect(epochsOf(events)).toEqual(
      whole.slice(-rest.length).map(({ trainLoss, trainAccuracy, validLoss, validAccuracy }) => ({
        trainLoss,
        trainAccuracy,
        validLoss,
        validAccuracy,
      })),
    );
  });
});

test('another monitor is not resumed, and an unknown one refused', async () => {
  const { train, valid } = await smallData();
  const model = await smallModel();
  model.freeze();
  const checkpoint = join(temporaryDirectory(), 'training.safetensors');
  await model.fit(train, { valid, epochs: 1, checkpoint, monitor: 'macro-f1' }).result;
  const again = model.fit(train, { valid, epochs: 2, checkpoint, resume: true, monitor: 'loss' });
  await expect(again.result).rejects.toMatchObject({
    code: 'CHECKPOINT_MISMATCH',
    message: expect.stringContaining('monitor was "macro-f1" and is now "loss"'),
  });
  expect(() => model.fit(train, { valid, monitor: 'auc' as 'loss' })).toThrow(
    "monitor must be loss, accuracy, balanced-accuracy or macro-f1, not 'auc'",
  );
  await expect(async () => model.fit(train, { valid: null, monitor: 'loss' })).rejects.toMatchObject({
    message:
      'monitor needs validation images, and `valid` says that there are none. Leave out one of the two.',
  });
});
