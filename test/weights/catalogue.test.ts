import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { DEFAULT_WEIGHTS } from '../../lib/options/index.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { findWeights, resolveWeights } from '../../lib/weights/catalogue.ts';
import { downloadWeights } from '../../lib/weights/download-weights.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

afterEach(() => void vi.unstubAllEnvs());

describe('resolveWeights', () => {
  test('finds the embedded backbone, the default, and says what it learnt from', async () => {
    const weights = await resolveWeights(DEFAULT_WEIGHTS);
    expect(weights).toMatchObject({
      source: 'tiny-imagenet-distilled',
      sha256: '87db690c428ccef901fdc4f8aace5cc7d97e09becd0e295b1d45a98f86929c62',
      trainedOn: 'Tiny ImageNet, 50,000 images, taught by an ImageNet MobileNetV2',
    });
    expect(readFileSync(weights.path)).toHaveLength(14_144_208);
  });

  test('takes a file, by a relative path too', async () => {
    const path = join(temporaryDirectory(), 'my.safetensors');
    writeFileSync(path, 'abc');
    const expected = {
      source: path,
      path,
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      trainedOn: null,
    };
    expect(await resolveWeights(path)).toEqual(expected);
    expect(await resolveWeights(relative(process.cwd(), path))).toEqual(expected);
  });

  test('says what took the place of weights that were embedded once, and knows their file', async () => {
    await expect(resolveWeights('tiny-imagenet')).rejects.toMatchObject({
      name: 'InputError',
      code: 'WEIGHTS_NOT_FOUND',
      message: expect.stringMatching(
        /no longer embedded: 'tiny-imagenet-distilled' took their place.*7596e3f6/,
      ),
    });
    const file = join(packageRoot, 'test', 'fixtures', 'densenet121-tiny-imagenet.safetensors');
    expect(await resolveWeights(file)).toMatchObject({
      source: 'tiny-imagenet',
      path: file,
      trainedOn: 'Tiny ImageNet, 50,000 images of 200 classes',
    });
  });

  test('says how to fetch named weights that are not there', async () => {
    vi.stubEnv('TORCH_TL_CACHE', temporaryDirectory());
    await expect(resolveWeights('imagenet')).rejects.toMatchObject({
      name: 'InputError',
      code: 'WEIGHTS_NOT_FOUND',
      message: expect.stringMatching(
        /'imagenet' are not on this machine.*await downloadWeights\('imagenet'\)/,
      ),
    });
  });

  test('answers a misspelt name with the right one and every known one', async () => {
    await expect(resolveWeights('tiny-imagnet')).rejects.toMatchObject({
      name: 'InputError',
      code: 'WEIGHTS_NOT_FOUND',
      message: expect.stringMatching(
        /Did you mean 'tiny-imagenet-distilled'\? Known names: tiny-imagenet-distilled, imagenet, imagenet-torchvision\./,
      ),
    });
  });

  test.each([
    ['imagenett', 'imagenet'],
    ['tinyy', 'tiny-imagenet-distilled'],
    ['imagenet-torchvison', 'imagenet-torchvision'],
  ])('takes %s for %s, also where it is to be downloaded', async (name, meant) => {
    const message = ` Did you mean '${meant}'?`;
    await expect(resolveWeights(name)).rejects.toThrow(message);
    await expect(downloadWeights(name)).rejects.toThrow(message);
  });

  test('names the absolute path of a file that is not there', async () => {
    const path = join(temporaryDirectory(), 'none.safetensors');
    await expect(resolveWeights(path)).rejects.toMatchObject({
      code: 'WEIGHTS_NOT_FOUND',
      message: expect.stringContaining(`no file ${path}`),
    });
    await expect(resolveWeights(join(path, 'below'))).rejects.toMatchObject({ code: 'WEIGHTS_NOT_FOUND' });
  });

  test("takes a run's directory for its best model, and says where there is none yet", async () => {
    const run = temporaryDirectory();
    await expect(resolveWeights(run)).rejects.toMatchObject({
      name: 'InputError',
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining('is a directory but not a run directory'),
    });
    writeFileSync(join(run, 'config.json'), '{}');
    await expect(resolveWeights(run)).rejects.toThrow('has no best.safetensors yet');
    const best = join(run, 'best.safetensors');
    writeFileSync(best, 'abc');
    expect(await resolveWeights(run)).toEqual(await resolveWeights(best));
    expect(await findWeights(run)).toBe(best);
  });

  test.each([
    ['my.safetensors', 'my.safetensor'],
    ['runs/flowers/best.safetensors', 'runs/flower/best.safetensors'],
  ])('names %s where %s is not there', async (there, asked) => {
    const root = temporaryDirectory();
    mkdirSync(dirname(join(root, there)), { recursive: true });
    writeFileSync(join(root, there), '');
    await expect(resolveWeights(join(root, asked))).rejects.toThrow(`Did you mean '${join(root, there)}'?`);
  });

  test('speaks of the command where the command line asks', async () => {
    vi.stubEnv('TORCH_TL_CACHE', temporaryDirectory());
    await expect(resolveWeights('imagenet')).rejects.toMatchObject({
      atCommandLine: expect.stringContaining(
        'Download them once with `npx torch-tl weights download imagenet`',
      ),
    });
  });
});
