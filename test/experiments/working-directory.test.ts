import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { crossValidate } from '../../lib/experiments/cross-validate.ts';
import { runAll } from '../../lib/experiments/run-all.ts';
import { runExperiment } from '../../lib/experiments/run-experiment.ts';
import { trainClassifier } from '../../lib/experiments/train-classifier.ts';
import { writeReport } from '../../lib/report/report.ts';
import { RED, writeImages } from '../support/images.ts';
import { writeSample } from '../support/sample-folder.ts';
import { smallData, smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** A working directory, which the test leaves for another one. */
function workingDirectory() {
  const [here, there, before] = [temporaryDirectory(), temporaryDirectory(), process.cwd()];
  onTestFinished(() => {
    process.chdir(before);
    expect(readdirSync(there)).toEqual([]);
  });
  process.chdir(here);
  return {
    here,
    /** Goes there at once, before the work that has just been started goes on. */
    async leave<Result>(work: Promise<Result>): Promise<Result> {
      process.chdir(there);
      try {
        return await work;
      } finally {
        process.chdir(here);
      }
    },
    goThere: () => process.chdir(there),
  };
}

const SMALL = { epochs: 1, imageSize: 32, batchSize: 8 } as const;
const TINY = { ...SMALL, data: 'sample', limitTrain: 20, limitValid: 10 } as const;

describe('relative paths mean what they meant at the call, after a change of the working directory', () => {
  test('of decoded images, also later', async () => {
    const { here, leave, goThere } = workingDirectory();
    await writeSample(join(here, 'images'), 4);
    const data = await leave(Dataset.fromFolder('images', { imageSize: 32, imageCache: 'cache' }));
    onTestFinished(() => data.dispose());
    expect(readdirSync('cache')).toHaveLength(1);
    goThere();
    expect((await (await smallModel()).features(data)).shape[0]).toBe(data.count);
  });

  test('of given images', async () => {
    const { here, leave } = workingDirectory();
    await writeImages(here, { 'red.png': RED });
    const model = await smallModel();
    const paths = new Array(200).fill('red.png');
    const answers = await leave(model.predict(paths));
    expect(new Set(answers.map(({ path }) => path))).toEqual(new Set(['red.png']));
  });

  test('of checkpoints and kept features', async () => {
    const { leave } = workingDirectory();
    const { train, valid } = await smallData();
    const model = await smallModel();
    model.freeze();
    const files = { checkpoint: 'checkpoints/one.safetensors', featureCache: 'features' };
    await leave(model.fit(train, { valid, epochs: 1, ...files }).result);
    expect([existsSync(files.checkpoint), readdirSync('features').length > 0]).toEqual([true, true]);
    // Features are the same in any directory.
    const more = { ...files, epochs: 2, featureCache: 'others', resume: true };
    expect((await model.fit(train, { valid, ...more }).result).epochs).toHaveLength(2);
  });

  test('of the checkpoints of a cross-validation', async () => {
    const { here, leave } = workingDirectory();
    await writeSample(join(here, 'images'), 4);
    const data = await Dataset.fromFolder('images', { imageSize: 32 });
    onTestFinished(() => data.dispose());
    const options = { ...SMALL, folds: 2, freeze: 'backbone', checkpoints: 'checkpoints' } as const;
    const { model } = await leave(crossValidate(data, options));
    model.dispose();
    expect(readdirSync('checkpoints')).toHaveLength(3);
  });

  test('of files of a model', async () => {
    const { leave } = workingDirectory();
    const model = await smallModel();
    await leave(model.save('saved.safetensors'));
    await leave(model.export('exported.pth'));
    expect(readdirSync('.').sort()).toEqual(['exported.pth', 'saved.safetensors']);
  });

  test('of runs and reports', async () => {
    const { here, leave } = workingDirectory();
    await writeSample(join(here, 'images'), 12);
    await leave(runExperiment('finetune', { ...TINY, out: 'run', featureCache: 'features' }));
    await leave(trainClassifier({ ...SMALL, data: 'images', out: 'own', imageCache: 'cache' }));
    await leave(writeReport(['run', 'own'], 'report.html'));
    const made = ['cache', 'features', 'images', 'own', 'report.html', 'run'];
    expect(readdirSync('.').sort()).toEqual(made);
    await leave(runExperiment('finetune', { out: 'run', epochs: 2 }, { resume: true }));
  });

  test('of several runs', async () => {
    const { here, leave } = workingDirectory();
    const stop = new Error('enough');
    let first: string | undefined;
    const onExperiment = (_: string, directory: string) => {
      first = directory;
      throw stop;
    };
    await expect(leave(runAll({ ...TINY, out: 'all' }, { onExperiment }))).rejects.toBe(stop);
    expect(first).toBe(join(here, 'all', 'finetune'));
  });
});
