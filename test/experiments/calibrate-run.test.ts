import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { DenseNet121 } from '../../lib/densenet121.ts';
import type { RunEvent } from '../../lib/experiments/run-events.ts';
import { type ExperimentOptions, runExperiment } from '../../lib/experiments/run-experiment.ts';
import { readSafetensors } from '../../lib/formats/safetensors.ts';
import { readRun } from '../../lib/report/read-run.ts';
import { runReport } from '../../lib/report/run-report.ts';
import { lastingDirectory, shared, temporaryDirectory } from '../support/temporary-directory.ts';

const SMALL = {
  data: 'sample',
  limitTrain: 60,
  limitValid: 60,
  imageSize: 32,
  epochs: 4,
  learningRate: 0.01,
  earlyStoppingPatience: 'off',
  precision: 'fp32',
  calibrate: true,
} as const satisfies ExperimentOptions;

const run = (out: string, options: ExperimentOptions, control = {}) =>
  runExperiment('finetune', { ...options, out }, control);

const resume = (out: string, options: ExperimentOptions = {}) => run(out, options, { resume: true });

/** A finished run, in a directory of the running test's. */
async function calibratedRun(): Promise<string> {
  return copyOf(await finished());
}

const finished = shared(async () => {
  const out = join(lastingDirectory(), 'run');
  await run(out, SMALL);
  return out;
});

/** A run like it that was not calibrated. */
const plain = shared(async () => {
  const out = join(lastingDirectory(), 'run');
  await run(out, { ...SMALL, calibrate: false });
  return out;
});

function copyOf(out: string): string {
  const copy = join(temporaryDirectory(), 'run');
  cpSync(out, copy, { recursive: true });
  return copy;
}

const json = (out: string, name: string) => JSON.parse(readFileSync(join(out, name), 'utf8'));
const best = (out: string) => readFileSync(join(out, 'best.safetensors'));
const temperatureOf = async (out: string) =>
  (await readSafetensors(join(out, 'best.safetensors'))).metadata.temperature;

/** The tensors of a file, by name. */
async function bytesOf(file: string): Promise<Map<string, Buffer>> {
  const { tensors } = await readSafetensors(file);
  return new Map(tensors.map(({ name, data }) => [name, Buffer.from(data)]));
}

/** What the file of the best model makes of the validation images. */
async function evaluated(out: string) {
  const model = await DenseNet121.load(out);
  const { train, valid } = await Dataset.cifar10('sample', { train: 60, valid: 60 });
  onTestFinished(() => {
    for (const disposable of [model, train, valid]) disposable.dispose();
  });
  return model.evaluate(valid, { precision: 'fp32' });
}

describe('a run that is calibrated', () => {
  test('has it in its best model, its results, its validation and its report', async () => {
    const out = await calibratedRun();
    const { calibration, best: bestEpoch } = json(out, 'results.json');
    const { temperature, before, after } = calibration;
    expect(calibration.isAtLimit).toBe(false);
    expect(before.loss).toBeCloseTo(bestEpoch.validLoss, 5);
    expect(after.loss).toBeLessThan(before.loss);
    expect(await temperatureOf(out)).toBe(String(temperature));
    const { evaluation } = json(out, 'validation.json');
    expect(evaluation).toMatchObject(after);
    expect(evaluation.accuracy).toBe(bestEpoch.validAccuracy);
    const { accuracy, loss, calibrationError } = await evaluated(out);
    expect(accuracy).toBe(bestEpoch.validAccuracy);
    expect(loss).toBeCloseTo(after.loss, 5);
    expect(calibrationError).toBeCloseTo(after.calibrationError, 5);
    const { text } = runReport(await readRun(out));
    const [errorBefore, errorAfter] = [before, after].map(({ calibrationError: error }) =>
      (error * 100).toFixed(2),
    );
    expect(text).toContain(
      `temperature ${temperature.toPrecision(4)}; calibration error ${errorBefore} % before, ${errorAfter} % after`,
    );
  });

  test('is but for that the run that is not', async () => {
    const [out, other] = [await finished(), await plain()];
    const differing = async (name: string) => {
      const [one, two] = await Promise.all([out, other].map((path) => bytesOf(join(path, name))));
      expect([...(one?.keys() ?? [])]).toEqual([...(two?.keys() ?? [])]);
      return [...(one ?? [])]
        .filter(([name, bytes]) => !bytes.equals(two?.get(name) as Buffer))
        .map(([name]) => name);
    };
    expect((await differing('best.safetensors')).sort()).toEqual([
      'classifier.7.bias',
      'classifier.7.weight',
    ]);
    expect(await differing('checkpoint/training.safetensors')).toEqual([]);
    expect(await temperatureOf(other)).toBeUndefined();
    expect(json(other, 'results.json').calibration).toBeNull();
    const lossesOf = (path: string) =>
      readFileSync(join(path, 'epochs.jsonl'), 'utf8').replaceAll(/"seconds":[^}]*/g, '');
    expect(lossesOf(out)).toBe(lossesOf(other));
  });

  test('is left as it is when it is resumed and has nothing to train', async () => {
    const out = await calibratedRun();
    const [before, results] = [best(out), json(out, 'results.json')];
    expect(await resume(out)).toEqual(results);
    expect(best(out).equals(before)).toBe(true);
  });

  test('is calibrated once, wherever its end was cut off', async () => {
    const undisturbed = await finished();
    const ends: string[][] = [['results.json'], ['results.json', 'validation.json', 'label-issues.csv']];
    for (const missing of ends) {
      const out = await calibratedRun();
      for (const name of missing) rmSync(join(out, name));
      await resume(out);
      expect(best(out).equals(best(undisturbed))).toBe(true);
      expect(json(out, 'results.json').calibration).toEqual(json(undisturbed, 'results.json').calibration);
      expect(json(out, 'validation.json')).toEqual(json(undisturbed, 'validation.json'));
    }
  });

  test('is calibrated once if it failed after its best model was written', async () => {
    const out = join(temporaryDirectory(), 'run');
    const onEvent = ({ type }: RunEvent) => {
      if (type === 'calibration') throw new Error('of the caller');
    };
    await expect(run(out, SMALL, { onEvent })).rejects.toThrow('of the caller');
    expect(json(out, 'results.json')).toMatchObject({ stoppedBecause: 'failed', calibration: null });
    await resume(out);
    expect(best(out).equals(best(await finished()))).toBe(true);
  });

  test('goes on from the weights of the training', async () => {
    const out = await calibratedRun();
    await resume(out, { epochs: 6 });
    const undisturbed = join(temporaryDirectory(), 'run');
    await run(undisturbed, { ...SMALL, epochs: 6 });
    expect(best(out).equals(best(undisturbed))).toBe(true);
    expect(json(out, 'results.json').calibration).toEqual(json(undisturbed, 'results.json').calibration);
  });

  test('must be so from its beginning', async () => {
    const out = copyOf(await plain());
    rmSync(join(out, 'results.json'));
    await expect(resume(out, { calibrate: true })).rejects.toMatchObject({ code: 'CHECKPOINT_MISMATCH' });
  });

  test('may have stopped early', async () => {
    const out = join(temporaryDirectory(), 'run');
    const early = { ...SMALL, epochs: 50, earlyStoppingPatience: 1, earlyStoppingMinDelta: 10 };
    const results = await run(out, early);
    expect(results.stoppedBecause).toBe('early-stopping');
    expect(await temperatureOf(out)).toBe(String(results.calibration?.temperature));
  });
});

test('a run that was stopped is not calibrated', async () => {
  const out = join(temporaryDirectory(), 'run');
  const controller = new AbortController();
  const onEvent = ({ type }: RunEvent) => type === 'epoch' && controller.abort();
  const endless = { ...SMALL, epochs: 1_000_000 };
  await expect(run(out, endless, { signal: controller.signal, onEvent })).rejects.toThrow();
  expect(json(out, 'results.json')).toMatchObject({ stoppedBecause: 'aborted', calibration: null });
  expect(existsSync(join(out, 'best.safetensors'))).toBe(true);
  expect(await temperatureOf(out)).toBeUndefined();
});
