import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readSafetensors } from '../../lib/formats/safetensors.ts';
import { readWeights } from '../../lib/weights/read-weights.ts';
import { bytesOf } from '../support/native.ts';
import { savedModel } from '../support/saved-model.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

test('torch-tl export writes what torch.load reads, and back', async () => {
  const cwd = temporaryDirectory();
  const model = await savedModel();
  const { code, stdout } = await torchTl(['export', '--weights', model, '--out', 'model.pth'], { cwd });
  expect(code).toBe(0);
  expect(stdout).toContain('torch.load("model.pth", weights_only=True)');
  const saved = await readSafetensors(model);
  expect(bytesOf((await readWeights(join(cwd, 'model.pth'))).tensors)).toEqual(bytesOf(saved.tensors));

  const args = ['export', '--weights', 'model.pth', '--format', 'safetensors', '--out', 'again'];
  expect((await torchTl(args, { cwd })).code).toBe(0);
  expect(bytesOf((await readSafetensors(join(cwd, 'again'))).tensors)).toEqual(bytesOf(saved.tensors));
});

test.for([
  [['--out', 'model.bin'], 'Use .safetensors, .pth, .onnx, or give the format too'],
  [['--out', 'model.pth', '--format', 'h5'], '--format must be safetensors, pth, onnx'],
  [['--out', 'model.pth', '--format', 'onnx'], '--format onnx contradicts the extension of'],
  [['--out', 'nowhere/model.pth'], 'nowhere'],
] as const)('%j fails and leaves nothing', async ([args, message]) => {
  const cwd = temporaryDirectory();
  const { code, stderr } = await torchTl(['export', '--weights', await savedModel(), ...args], { cwd });
  expect(code).toBeGreaterThan(0);
  expect(stderr).toContain(message);
  expect(existsSync(join(cwd, args[1]))).toBe(false);
});
