import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/support/package-root.ts';
import { writeTree } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** What npm would pack of a directory, by its path. */
function packedFiles(directory: string): string[] {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const { stdout } = spawnSync('npm', args, { cwd: directory, encoding: 'utf8' });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  return files.map(({ path }) => path);
}

test('the package holds what its users need, and nothing else', () => {
  const files = packedFiles(packageRoot);
  expect(files).toEqual(
    expect.arrayContaining([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'assets/README.md',
      'assets/cifar10-sample/data_batch_1.bin',
      'assets/densenet121-tiny-imagenet-distilled.safetensors',
      'bin/torch-tl.js',
      'dist/cli/main.js',
      'dist/index.d.ts',
      'dist/index.js',
      'docs/formats.md',
      'examples/worker.js',
      'native/addon.cc',
      'package.json',
    ]),
  );
  const allowed =
    /^(?:(?:assets|bin|dist|docs|examples|native|prebuilds|libtorch-[\d.]+\/prebuilds)\/.+|CHANGELOG\.md|CMakeLists\.txt|LICENSE|README\.md|package\.json)$/;
  expect(files.filter((file) => !allowed.test(file))).toEqual([]);
  expect(files.filter((file) => /\.test\.|\.gyp$/.test(file))).toEqual([]);
});

test('binaries are packed from where prebuilds stand, not from where they are built', () => {
  const packed = [
    'libtorch-2.13/prebuilds/linux-x64/torch-tl.glibc.node',
    'libtorch-2.14/prebuilds/linux-x64/torch-tl-cuda.so',
    'libtorch-2.14/prebuilds/linux-x64/torch-tl-nccl.so',
    'prebuilds/linux-x64/torch-tl.glibc.node',
  ];
  const built = ['build/Release/torch-tl-loader.node', 'libtorch-2.13/build/Release/torch-tl-engine.node'];
  const files = Object.fromEntries([...packed, ...built].map((file) => [file, '']));
  const directory = writeTree(temporaryDirectory(), files);
  for (const name of ['package.json', '.gitignore']) {
    copyFileSync(join(packageRoot, name), join(directory, name));
  }
  expect(packedFiles(directory).sort()).toEqual([...packed, 'package.json'].sort());
});
