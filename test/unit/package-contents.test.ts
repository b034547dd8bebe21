import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-root.ts';

/** What npm would pack of this checkout, by its path. */
function packedFiles(): string[] {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const { stdout } = spawnSync('npm', args, { cwd: packageRoot, encoding: 'utf8' });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  return files.map(({ path }) => path);
}

test('the package holds what its users need, and nothing else', () => {
  const files = packedFiles();
  expect(files).toEqual(
    expect.arrayContaining([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'assets/README.md',
      'assets/cifar10-sample/data_batch_1.bin',
      'assets/densenet121-tiny-imagenet.safetensors',
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
  // An engine is packed by its prebuild alone, and of the repository's root only what is named here.
  const allowed =
    /^(?:(?:assets|bin|dist|docs|examples|native|prebuilds|libtorch-[\d.]+\/prebuilds)\/.+|CHANGELOG\.md|CMakeLists\.txt|LICENSE|README\.md|package\.json)$/;
  expect(files.filter((file) => !allowed.test(file))).toEqual([]);
  expect(files.filter((file) => /\.test\.|\.gyp$/.test(file))).toEqual([]);
});
