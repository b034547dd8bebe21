import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { builtMinors } from '../../lib/addon/engines.ts';
import { readSafetensors } from '../../lib/formats/safetensors.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { RED, writeImages } from '../support/images.ts';
import { savedModel } from '../support/saved-model.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTlOnTerminal } from '../support/terminal.ts';
import { torchTl } from './torch-tl.ts';

const EMBEDDED = fileURLToPath(
  new URL('../../assets/densenet121-tiny-imagenet-distilled.safetensors', import.meta.url),
);
const FIXTURES = fileURLToPath(new URL('../fixtures/pth-reader', import.meta.url));

const IN = { cwd: FIXTURES };

describe('torch-tl weights', () => {
  test('list says of each what it learnt from, and its terms', async () => {
    const { stdout, code } = await torchTl(['weights', 'list'], IN);
    expect(code).toBe(0);
    expect(stdout).toContain('tiny-imagenet-distilled (embedded)\n  trained on Tiny ImageNet');
    expect(stdout).toContain('imagenet (downloaded by `torch-tl weights download imagenet` from https://');
    expect(stdout).toMatch(/research use only/);
  });

  test('inspect --json lists the tensors of a safetensors file with hashes of their bytes', async () => {
    const { stdout, code } = await torchTl(['weights', 'inspect', EMBEDDED, '--json'], IN);
    expect(code).toBe(0);
    const { format, tensors, metadata } = JSON.parse(stdout);
    const file = await readSafetensors(EMBEDDED);
    expect(format).toBe('safetensors');
    expect(metadata).toEqual({ ...file.metadata });
    expect(tensors).toEqual(
      file.tensors.map(({ data, ...tensor }) => ({
        ...tensor,
        sha256: createHash('sha256').update(data).digest('hex'),
      })),
    );
  });

  test('inspect --json lists the tensors of a file of torch.save, those alone', async () => {
    const path = join(FIXTURES, 'zip/checkpoint.pt');
    const { stdout, code } = await torchTl(['weights', 'inspect', path, '--json'], IN);
    expect(code).toBe(0);
    const { format, tensors, metadata } = JSON.parse(stdout);
    expect({ format, metadata }).toEqual({ format: 'pth', metadata: {} });
    expect(tensors.map(({ name, dtype, shape }: Record<string, unknown>) => [name, dtype, shape])).toEqual([
      ['model_state_dict.fc1.weight', 'float32', [10, 5]],
      ['model_state_dict.fc1.bias', 'float32', [10]],
      ['model_state_dict.fc2.weight', 'float32', [3, 10]],
      ['model_state_dict.fc2.bias', 'float32', [3]],
      ['optimizer_state_dict.state.0.momentum_buffer', 'float32', [10, 5]],
    ]);
  });

  test('inspect lists them as text as well', async () => {
    const { stdout } = await torchTl(['weights', 'inspect', join(FIXTURES, 'legacy/simple_legacy.pt')], IN);
    expect(stdout).toMatch(/^pth, 3 tensors\n/);
    expect(stdout).toMatch(/weight +float32 +\[2, 3\]\n/);
  });

  test.for([
    [['inspect', 'missing.pth'], 'missing.pth'],
    [['inspect', FIXTURES], 'is a directory'],
    [['inspect', join(FIXTURES, 'tar/tar_float32.tar')], 'oldest format, a tar archive'],
    [['download', 'imagnet'], "Did you mean 'imagenet'?"],
    [['inspect'], "missing required argument 'file'"],
  ] as const)('%j is wrong use', async ([args, message]) => {
    const { stdout, stderr, code } = await torchTl(['weights', ...args], IN);
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
    expect(stderr).toContain(message);
  });
});

describe('--weights', () => {
  const PREDICT = ['predict', 'rose.jpg', '--weights'];

  test.each<[string, string[], string]>([
    [
      'of the catalogue that are not here',
      [...PREDICT, 'imagenet'],
      'npx torch-tl weights download imagenet',
    ],
    ['that are misspelt', ['evaluate', 'flowers', '--weights', 'imagnet'], "Did you mean 'imagenet'?"],
    [
      'that are misspelt, to export',
      ['export', '--out', 'a.onnx', '--weights', 'imagnet'],
      "Did you mean 'imagenet'?",
    ],
  ])('%s are wrong use, and the message says what to type', async (_, args, message) => {
    const cwd = temporaryDirectory();
    await writeImages(cwd, { 'rose.jpg': RED, 'flowers/rose/1.png': RED });
    const { root } = locateLibTorch(builtMinors(packageRoot));
    const env = { TORCH_TL_CACHE: join(cwd, 'cache'), TORCH_TL_LIBTORCH: root };
    const { stdout, stderr, code } = await torchTl(args, { cwd, env });
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/await|\(\)/);
  });

  test('of the catalogue are offered on a terminal', async () => {
    const cwd = temporaryDirectory();
    await writeImages(cwd, { 'rose.jpg': RED });
    const { root } = locateLibTorch(builtMinors(packageRoot));
    const env = { TORCH_TL_CACHE: join(cwd, 'cache'), TORCH_TL_LIBTORCH: root, CI: '' };
    const { stdout, code } = await torchTlOnTerminal([...PREDICT, 'imagenet'], 'n\n', { cwd, env });
    expect(stdout).toMatch(/Download them now \(about 32 MB from huggingface\.co\)\? \(y\/n\)/);
    expect(code).toBe(2);
  });

  test("of a run's directory are those of its best model", async () => {
    const model = await savedModel();
    const cwd = temporaryDirectory();
    mkdirSync(join(cwd, 'run'));
    copyFileSync(model, join(cwd, 'run', 'best.safetensors'));
    await writeImages(cwd, { 'rose.jpg': RED });
    const expected = await torchTl([...PREDICT, model], { cwd });
    expect(expected.code).toBe(0);
    expect(await torchTl([...PREDICT, 'run'], { cwd })).toEqual(expected);
    const { stdout } = await torchTl(['weights', 'inspect', 'run'], { cwd });
    expect(stdout).toContain('features.conv0.weight');
    expect(await torchTl(['export', '--weights', 'run', '--out', 'model.pth'], { cwd })).toMatchObject({
      code: 0,
    });
  });
});
