import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSafetensors } from '../../lib/formats/safetensors.ts';
import { writeBatches } from '../support/cifar10-records.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

describe('torch-tl features', () => {
  test("writes the backbone's last maps and the labels in the data's order", async () => {
    const cwd = temporaryDirectory();
    writeBatches(cwd, { 'data_batch_1.bin': [3, 1, 2], 'test_batch.bin': [9, 0] });
    const args = [
      '--data',
      cwd,
      '--image-size',
      '64',
      '--precision',
      'fp32',
      '--out',
      'features.safetensors',
    ];
    const { code, stdout } = await torchTl(['features', '--weights', 'tiny-imagenet-distilled', ...args], {
      cwd,
    });
    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toBe(
      `Data: cifar10 (${cwd}), 3 training and 2 validation images (test_batch.bin)`,
    );
    const tensors = await read(join(cwd, 'features.safetensors'));
    expect(tensors.get('train.features')).toMatchObject({ dtype: 'float32', shape: [3, 1024, 2, 2] });
    expect(tensors.get('valid.features')).toMatchObject({ dtype: 'float32', shape: [2, 1024, 2, 2] });
    expect(labels(tensors.get('train.labels')?.data)).toEqual([3n, 1n, 2n]);
    expect(labels(tensors.get('valid.labels')?.data)).toEqual([9n, 0n]);
    const values = floats(tensors.get('train.features')?.data);
    expect(Math.min(...values)).toBe(0);
    expect(Math.max(...values)).toBeGreaterThan(0);
  });

  test('gives the same for another batch size', async () => {
    const cwd = temporaryDirectory();
    writeBatches(cwd, { 'data_batch_1.bin': [3, 1, 2, 4, 5], 'test_batch.bin': [9] });
    const common = ['features', '--data', cwd, '--image-size', '32', '--precision', 'fp32'];
    await torchTl([...common, '--out', 'a'], { cwd });
    await torchTl([...common, '--out', 'b', '--batch-size', '2'], { cwd });
    const [a, b] = [await read(join(cwd, 'a')), await read(join(cwd, 'b'))];
    const [whole, parts] = [a, b].map((tensors) => floats(tensors.get('train.features')?.data));
    const difference = whole?.map((value, index) => Math.abs(value - (parts?.[index] ?? Number.NaN))) ?? [];
    expect(Math.max(...difference)).toBeLessThan(1e-4 * Math.max(...(whole ?? [])));
  });

  test.each<[string, string[], string]>([
    ['no file to write', [], "required option '--out <file.safetensors>' not specified"],
    ['a directory that is not there', ['sample', '--out', 'nowhere/a.safetensors'], 'nowhere'],
    [
      'unknown weights',
      ['sample', '--out', 'a', '--weights', 'tiny-imagnet'],
      "Did you mean 'tiny-imagenet-distilled'?",
    ],
    ['no images', ['--out', 'a'], 'No images are given. Use `torch-tl features DIR` or --data DIR'],
    ['data that is not there', ['--out', 'a', '--data', 'nowhere'], 'nowhere does not exist'],
    [
      'an impossible precision',
      ['--out', 'a', '--precision', 'fp8'],
      '--precision must be auto, fp32 or bf16',
    ],
  ])('refuses %s and writes nothing', async (_, args, message) => {
    const cwd = temporaryDirectory();
    const { code, stderr } = await torchTl(['features', ...args], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(existsSync(join(cwd, 'a'))).toBe(false);
    expect(readdirSync(cwd)).toEqual([]);
  });
});

async function read(path: string) {
  const { tensors } = await readSafetensors(path);
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

function floats(bytes: Uint8Array = new Uint8Array()): number[] {
  return [...new Float32Array(bytes.slice().buffer)];
}

function labels(bytes: Uint8Array = new Uint8Array()): bigint[] {
  return [...new BigInt64Array(bytes.slice().buffer)];
}
