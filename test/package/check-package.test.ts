import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/support/package-root.ts';
import { writeTree } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const LOADER = 'prebuilds/linux-x64/torch-tl.glibc.node';
const ENGINE = `libtorch-2.13/${LOADER}`;
const MANIFEST = { name: 'torch-tl', license: 'MIT', scripts: { test: 'vitest run' } };

/** Compiles a shared library. */
function library(text: string, ...options: string[]): Uint8Array {
  const path = join(temporaryDirectory(), 'small.so');
  execFileSync('c++', ['-shared', '-fPIC', '-x', 'c++', '-', '-o', path, ...options], { input: text });
  return readFileSync(path);
}

/** A package without a fault. */
function writePackage(): string {
  const faultless = library('int answer() { return 42; }');
  return writeTree(temporaryDirectory(), {
    'package.json': JSON.stringify(MANIFEST),
    'CHANGELOG.md': '',
    'CMakeLists.txt': '',
    LICENSE: '',
    'README.md': '',
    'assets/README.md': '# What ships\n\n## sample\n\nFree.\n',
    'assets/sample/data.bin': '',
    'bin/torch-tl.js': '',
    'dist/index.d.ts': '',
    'dist/index.js': '',
    [LOADER]: faultless,
    [ENGINE]: faultless,
  });
}

/** The faults that scripts/check-package.js finds in a package with these files in place of its own. */
function faultsOf(files: Record<string, string | Uint8Array>, ...missing: string[]): string[] {
  const directory = writeTree(writePackage(), files);
  for (const file of missing) rmSync(join(directory, file));
  const script = join(packageRoot, 'scripts', 'check-package.js');
  const { status, stderr } = spawnSync(process.execPath, [script, directory], { encoding: 'utf8' });
  const faults = stderr.split('\n').filter(Boolean);
  expect(status).toBe(faults.length > 0 ? 1 : 0);
  return faults;
}

test('a package as it should be has no faults', () => {
  expect(faultsOf({})).toEqual([]);
  for (const part of ['cuda', 'gloo']) {
    const file = `libtorch-2.13/prebuilds/linux-x64/torch-tl-${part}.so`;
    expect(faultsOf({ [file]: library('') })).toEqual([]);
  }
});

test.for([
  ['README.md', 'README.md is missing'],
  [LOADER, `${LOADER}, which ${ENGINE} needs, is missing`],
  [ENGINE, 'no engine was prebuilt'],
] as const)('misses %s', ([file, fault]) => {
  expect(faultsOf({}, file)).toEqual([`fault: ${fault}`]);
});

test.for([
  ['binding.gyp', 'does not belong in the package'],
  ['libtorch-2.13/build/stamp', 'does not belong in the package'],
  ['libtorch-2.13/prebuilds/linux-x64/libgomp.so.1', 'does not belong in the package'],
  ['dist/libtorch_cpu.so', 'is a foreign library'],
  ['dist/libcudart.so.13', 'is a foreign library'],
  ['dist/index.test.js', 'is a test'],
  ['test/package/index.js', 'does not belong in the package'],
] as const)('refuses %s', ([file, fault]) => {
  expect(faultsOf({ [file]: '' })).toEqual([`fault: ${file} ${fault}`]);
});

test.for(['preinstall', 'install', 'postinstall', 'prepare'])('refuses the script %s', (name) => {
  const manifest = { ...MANIFEST, scripts: { [name]: 'node fetch.js' } };
  expect(faultsOf({ 'package.json': JSON.stringify(manifest) })).toEqual([
    `fault: package.json has the script ${name}`,
  ]);
});

test('demands the terms of what ships in assets', () => {
  expect(faultsOf({ 'assets/weights.safetensors': '' })).toEqual([
    'fault: assets/README.md does not state the origin and terms of weights.safetensors',
  ]);
});

test('finds run paths, and paths of the machine that built it', () => {
  const told = library(
    'const char* source() { return "/srv/checkout/native/addon.cc"; }\n' +
      'const char* everywhere() { return "/proc/self/maps"; }',
    '-Wl,-rpath,/srv/torch/lib',
  );
  expect(faultsOf({ [ENGINE]: told })).toEqual([
    `fault: ${ENGINE} has a run path: /srv/torch/lib`,
    `fault: ${ENGINE} contains the path /srv/torch/lib`,
    `fault: ${ENGINE} contains the path /srv/checkout/native/addon.cc`,
  ]);
});

test('finds a system library that is needed in too new a version', () => {
  const demanding = library(
    '#include <condition_variable>\n#include <mutex>\n' +
      'void wait(std::condition_variable& c, std::unique_lock<std::mutex>& lock) { c.wait(lock); }',
  );
  expect(faultsOf({ [ENGINE]: demanding })).toEqual([
    `fault: ${ENGINE} needs GLIBCXX 3.4.30: at most 3.4.29`,
  ]);
});
