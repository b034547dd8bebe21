import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create } from 'tar';
import { describe, expect, test } from 'vitest';
import { builtMinors } from '../../lib/addon/engines.ts';
import { Dataset } from '../../lib/data/dataset.ts';
import { DenseNet121 } from '../../lib/densenet121.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { writeBatches } from '../support/cifar10-records.ts';
import { RED, writeImages } from '../support/images.ts';
import { savedModel } from '../support/saved-model.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

/** Evaluates a model that nobody trained on what `cwd` holds. */
async function evaluate(cwd: string, ...args: string[]) {
  const model = await savedModel();
  return { model, ...(await torchTl(['evaluate', '--weights', model, '--data', cwd, ...args], { cwd })) };
}

/** Class folders under `root`, an image each. */
async function writeFolders(root: string, classes: string[]): Promise<void> {
  await writeImages(root, Object.fromEntries(classes.map((name) => [`${name}/a.png`, RED])));
}

describe('torch-tl evaluate', () => {
  test('--json gives what the model gives for the validation images', async () => {
    const cwd = temporaryDirectory();
    writeBatches(cwd, { 'data_batch_1.bin': [1], 'test_batch.bin': [9, 0, 3, 3, 5] });
    const { code, stdout, stderr, model } = await evaluate(cwd, '--json');
    expect(code).toBe(0);
    expect(stderr).toContain('5 images');
    const [loaded, data] = [await DenseNet121.load(model), await Dataset.cifar10(cwd)];
    expect(JSON.parse(stdout)).toEqual(await loaded.evaluate(data.valid));
    expect(JSON.parse(stdout)).toMatchObject({ count: 5 });
    loaded.dispose();
    data.train.dispose();
    data.valid.dispose();
  });

  test.for<[string, string]>([
    ['class folders alone', ''],
    ['the folder for validation', 'valid'],
    ['the folder for testing', 'test'],
  ])('takes all of %s, and matches classes by name', async ([, folder]) => {
    const cwd = temporaryDirectory();
    await writeFolders(join(cwd, folder), ['truck', 'bird']);
    if (folder !== '') await writeFolders(join(cwd, 'train'), ['bird', 'truck', 'cat']);
    const { stdout } = await evaluate(cwd, '--json');
    const { count, confusion, classes } = JSON.parse(stdout);
    expect(count).toBe(2);
    const rows = confusion.map((row: number[]) => row.reduce((sum, images) => sum + images, 0));
    expect(classes.filter((_: string, index: number) => rows[index] > 0)).toEqual(['bird', 'truck']);
  });

  test("takes an archive's validation images", async () => {
    const cwd = temporaryDirectory();
    mkdirSync(join(cwd, 'cifar-10-batches-bin'));
    const batches = { 'data_batch_1.bin': [1], 'test_batch.bin': [9, 0] };
    writeBatches(join(cwd, 'cifar-10-batches-bin'), batches);
    const file = join(cwd, 'cifar-10-binary.tar.gz');
    await create({ gzip: true, file, cwd }, ['cifar-10-batches-bin']);
    const args = ['evaluate', '--weights', await savedModel(), '--data', file, '--json'];
    // A cache of the test's own has no LibTorch.
    const { root } = locateLibTorch(builtMinors(packageRoot));
    const env = { TORCH_TL_CACHE: join(cwd, 'cache'), TORCH_TL_LIBTORCH: root };
    const { stdout } = await torchTl(args, { cwd, env });
    expect(JSON.parse(stdout)).toMatchObject({ count: 2 });
  });

  test('prints a table', async () => {
    const cwd = temporaryDirectory();
    writeBatches(cwd, { 'data_batch_1.bin': [1], 'test_batch.bin': [9, 0, 3] });
    const { stdout } = await evaluate(cwd);
    expect(stdout).toMatch(
      /\naccuracy +[\d.]+ % \([\d.]+ to [\d.]+\)\ntop-5 accuracy +[\d.]+ % \(.*\)\nbalanced accuracy +[\d.]+ %\nmacro F1 +[\d.]+ %\nloss +[\d.]+\ncalibration error/,
    );
    expect(stdout).toMatch(/\nairplane +[\d.]+ % \(.*\) +[\d.]+ % \(.*\) +[\d.]+ % +1\n/);
  });

  test('takes the images as its argument, and is wrong use without any', async () => {
    const cwd = temporaryDirectory();
    await writeFolders(join(cwd, 'birds'), ['bird', 'cat']);
    const weights = ['--weights', await savedModel()];
    const { stdout } = await torchTl(['evaluate', 'birds', ...weights, '--json'], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({ count: 2 });
    const { code, stderr } = await torchTl(['evaluate', ...weights], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain('No images are given. Use `torch-tl evaluate DIR` or --data DIR');
  });

  test('names the classes that the model does not know', async () => {
    const cwd = temporaryDirectory();
    await writeFolders(cwd, ['truk', 'bird']);
    const { code, stdout, stderr } = await evaluate(cwd, '--json');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/truk/);
    expect(stderr).toMatch(/truck/);
  });

  test('takes the images for testing before those for validation, and says which', async () => {
    const cwd = temporaryDirectory();
    for (const part of ['train', 'valid', 'test']) await writeFolders(join(cwd, part), ['bird', 'cat']);
    expect((await evaluate(cwd)).stdout).toContain('2 images (test/, not train/, valid/)');
    const rows = ['train', 'valid', 'test'].map((part) => `${part}/cat/a.png,cat,${part}`);
    writeFileSync(join(cwd, 'list.csv'), ['path,label,split', ...rows].join('\n'));
    const { stdout } = await evaluate(cwd, '--data', 'list.csv');
    expect(stdout).toContain('1 image (the split test, not train, valid)');
  });

  test('says that images were trained on, if the run beside the weights lists them', async () => {
    const cwd = temporaryDirectory();
    const names = Array.from(
      { length: 10 },
      (_, index) => `data/train/${index % 2 ? 'cat' : 'bird'}/a, ${index}.png`,
    );
    await writeImages(cwd, Object.fromEntries(names.map((name, index) => [name, [20 * index, 99, 9]])));
    const quick = ['--recipe', 'head', '--epochs', '1', '--image-size', '32', '--out', 'run'];
    expect(await torchTl(['train', 'data', ...quick], { cwd })).toMatchObject({ code: 0 });
    const warned = async (data: string) => {
      const { stdout } = await torchTl(['evaluate', data, '--weights', 'run'], { cwd });
      return stdout
        .match(/was trained on (\d+) of these (\d+) images/)
        ?.slice(1)
        .map(Number);
    };
    expect(await warned('data/train')).toEqual([8, 10]);
    // Of a training folder alone the same fifth is held out.
    expect(await warned('data')).toBeUndefined();
  });
});
