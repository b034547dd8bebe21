import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { DenseNet121 } from '../../lib/densenet121.ts';
import { BLUE, GREEN, RED, writeImages } from '../support/images.ts';
import { savedModel } from '../support/saved-model.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl, torchTlProcess } from './torch-tl.ts';

/** Predicts with a model that nobody trained, in a directory with some images. */
async function predict(args: readonly string[], input?: Buffer) {
  const [model, cwd] = [await savedModel(), temporaryDirectory()];
  await writeImages(cwd, {
    'red.png': RED,
    'images/green.png': GREEN,
    'images/inner/blue, dark.png': BLUE,
  });
  writeFileSync(join(cwd, 'images', 'notes.txt'), 'no image');
  writeFileSync(join(cwd, 'broken.png'), 'no image');
  const call = ['predict', '--weights', model, ...args];
  const ended = input ? torchTlProcess(call, { cwd, input }) : torchTl(call, { cwd });
  return { model, cwd, ...(await ended) };
}

describe('torch-tl predict', () => {
  test('--json gives for files and folders what the model gives', async () => {
    const { code, stdout, model, cwd } = await predict(['red.png', 'images', '--json']);
    expect(code).toBe(0);
    const answers = JSON.parse(stdout);
    expect(answers.map(({ path }: { path: string }) => path)).toEqual([
      'red.png',
      join('images', 'green.png'),
      join('images', 'inner', 'blue, dark.png'),
    ]);
    const loaded = await DenseNet121.load(model);
    // The same batch: sums over another come in another order.
    const paths: string[] = answers.map(({ path }: { path: string }) => join(cwd, path));
    const [expected] = await loaded.predict(paths);
    loaded.dispose();
    expect({ ...answers[0], top: expected?.top }).toEqual({ ...expected, path: 'red.png' });
    expect(answers[0].probabilities).toHaveLength(10);
  });

  test('prints the likeliest classes a line per image', async () => {
    const { stdout } = await predict(['red.png', 'images/green.png', '--top-k', '2']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^red\.png {2,}[a-z]+ [\d.]+ % +[a-z]+ [\d.]+ %$/);
  });

  test('--top-k adds the likeliest classes to --json', async () => {
    const { stdout } = await predict(['red.png', '--json', '--top-k', '2']);
    const [{ top, label, index, probability }] = JSON.parse(stdout);
    expect(top).toEqual([{ label, index, probability }, expect.any(Object)]);
    const [plain] = JSON.parse((await predict(['red.png', '--json'])).stdout);
    expect(plain).not.toHaveProperty('top');
  });

  test('--csv quotes what needs it, here of images that match a pattern', async () => {
    const { stdout } = await predict(['images/**/*.png', '--csv']);
    const [heading, , blue] = stdout.split('\n');
    expect(heading).toMatch(/^path,label,index,probability,airplane,.*,truck$/);
    expect(blue).toMatch(/^"images\/inner\/blue, dark\.png",[a-z]+,\d,0\.\d+,/);
  });

  test('--csv tells classes that are called as its own columns from these', async () => {
    const cwd = temporaryDirectory();
    await writeImages(cwd, { 'red.png': RED });
    const classes = ['copy', 'label', 'path', 'probability:path', 'rose'];
    const model = await DenseNet121.create({
      head: 'linear',
      weights: null,
      seed: 1,
      imageSize: 32,
      classes,
    });
    await model.save(join(cwd, 'model.safetensors'));
    model.dispose();
    const call = ['predict', 'red.png', '--weights', 'model.safetensors', '--csv'];
    const heading =
      'path,label,index,probability,' +
      'probability:copy,probability:label,probability:path,probability:probability:path,rose';
    const plain = await torchTl(call, { cwd });
    expect(plain.stdout.split('\n')[0]).toBe(heading);
    const copied = await torchTl([...call, '--copy-to', 'sorted'], { cwd });
    expect(copied.stdout.split('\n')[0]).toBe(`${heading},copy`);
  });

  test('- reads an image from stdin', async () => {
    const fromFile = await predict(['red.png', '--json']);
    const input = readFileSync(join(fromFile.cwd, 'red.png'));
    const [expected] = JSON.parse(fromFile.stdout);
    expect(JSON.parse((await predict(['-', '--json'], input)).stdout)).toEqual([{ ...expected, path: '-' }]);
  });

  test('--batch-size may be larger than the groups in which images are decoded', async () => {
    const predicting = vi.spyOn(DenseNet121.prototype, 'predict');
    onTestFinished(() => predicting.mockRestore());
    const images = new Array(260).fill('red.png');
    expect((await predict([...images, '--batch-size', '260'])).code).toBe(0);
    expect(predicting.mock.calls.map(([images]) => (images as string[]).length)).toEqual([260]);
  });

  test('--skip-corrupt leaves out what cannot be decoded, and names it on stderr', async () => {
    const run = await predict(['broken.png', 'red.png', '--json', '--skip-corrupt']);
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout).map(({ path }: { path: string }) => path)).toEqual(['red.png']);
    expect(run.stderr).toMatch(
      /Left out: 1 image that cannot be decoded\n {2}broken\.png: it is not an image/,
    );
    const none = await predict(['broken.png', '--csv', '--skip-corrupt']);
    expect([none.code, none.stdout.split('\n').length]).toEqual([0, 2]);
    const refused = await predict(['red.png', 'broken.png']);
    expect(refused.stderr).toContain(
      '1 of 2 images cannot be decoded. Repair or remove them, or skip them with --skip-corrupt:',
    );
  });

  test.for([
    [['broken.png', 'red.png'], 'broken.png'],
    [['missing.png'], 'missing.png'],
    [['red.png', 'images/*.jpg'], 'no image matches it as a pattern'],
    [['images/*.txt'], "'images/*.txt'"],
    [['red.png', '--json', '--csv'], 'not both'],
    [['red.png', '--top-k', '0'], '--top-k must be'],
    [['red.png', '--top-k', '2', '--csv'], '--top-k would have no effect with --csv'],
    [[], "missing required argument 'image'"],
  ] as const)('%j is wrong use, and nothing is printed', async ([args, message]) => {
    const { code, stdout, stderr } = await predict(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  test('weights without a head are refused', async () => {
    const { code, stderr } = await predict(['red.png', '--weights', 'tiny-imagenet-distilled']);
    expect(code).toBe(2);
    expect(stderr).toContain('densenet121-tiny-imagenet-distilled.safetensors');
  });

  test.each([['predict', 'red.png'], ['evaluate', '.'], ['serve']])(
    '%s says what to do with a file of torch.save',
    async (...command) => {
      const cwd = temporaryDirectory();
      await writeImages(cwd, { 'red.png': RED });
      const exported = ['export', '--weights', 'tiny-imagenet-distilled', '--out', 'weights.pth'];
      expect((await torchTl(exported, { cwd })).code).toBe(0);
      const { code, stderr } = await torchTl([...command, '--weights', 'weights.pth'], { cwd });
      expect(code).toBe(2);
      expect(stderr).toContain(`${join(cwd, 'weights.pth')} holds weights, but no classes`);
      expect(stderr).toContain('`torch-tl train DIR --weights FILE`');
    },
  );
});
