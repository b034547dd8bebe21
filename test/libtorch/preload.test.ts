import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { librariesToLoad, ownLibraries } from '../../lib/libtorch/preload.ts';
import { writeTree } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describe('ownLibraries', () => {
  test('are two for a CPU build and four for a CUDA build', () => {
    expect(ownLibraries('/torch', { cuda: null })).toEqual([
      '/torch/lib/libc10.so',
      '/torch/lib/libtorch_cpu.so',
    ]);
    expect(ownLibraries('/torch', { cuda: '13.0' })).toEqual([
      '/torch/lib/libc10.so',
      '/torch/lib/libtorch_cpu.so',
      '/torch/lib/libc10_cuda.so',
      '/torch/lib/libtorch_cuda.so',
    ]);
  });
});

describe('librariesToLoad', () => {
  test("puts NVIDIA's libraries beside torch first, cublasLt before cublas", () => {
    const site = writeTree(temporaryDirectory(), {
      'nvidia/cublas/lib/libcublas.so.12': '',
      'nvidia/cublas/lib/libcublasLt.so.12': '',
      'nvidia/cudnn/lib/libcudnn.so.9': '',
      'nvidia/cudnn/lib/libcudnn_ops.so.9': '',
      'nvidia/cudnn/lib/libcudnn.so': '',
    });
    const root = join(site, 'torch');
    expect(librariesToLoad(root, { cuda: '12.6' })).toEqual([
      join(site, 'nvidia/cublas/lib/libcublasLt.so.12'),
      join(site, 'nvidia/cublas/lib/libcublas.so.12'),
      join(site, 'nvidia/cudnn/lib/libcudnn.so.9'),
      ...ownLibraries(root, { cuda: '12.6' }),
    ]);
  });

  test('finds them in the one directory that CUDA 13 has', () => {
    const site = writeTree(temporaryDirectory(), {
      'nvidia/cu13/lib/libcudart.so.13': '',
      'nvidia/cu13/lib/libcublas.so.13': '',
      'nvidia/cu13/lib/libcublasLt.so.13': '',
    });
    const libraries = librariesToLoad(join(site, 'torch'), { cuda: '13.0' });
    expect(libraries.slice(0, 3)).toEqual(
      ['libcublasLt.so.13', 'libcublas.so.13', 'libcudart.so.13'].map((name) =>
        join(site, 'nvidia/cu13/lib', name),
      ),
    );
  });

  test('leaves them out for a CPU build', () => {
    const site = writeTree(temporaryDirectory(), { 'nvidia/cu13/lib/libcudart.so.13': '' });
    const root = join(site, 'torch');
    expect(librariesToLoad(root, { cuda: null })).toEqual(ownLibraries(root, { cuda: null }));
  });
});
