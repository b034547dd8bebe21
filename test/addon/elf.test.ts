import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { neededGlibc } from '../../lib/addon/elf.ts';
import { builtMinors, findEngine } from '../../lib/addon/engines.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { writeTree } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describe.runIf(process.platform === 'linux')('neededGlibc', () => {
  test('is what readelf lists as the newest', () => {
    const { root, minor } = locateLibTorch(builtMinors(packageRoot));
    const engine = findEngine(packageRoot, minor)?.path ?? '';
    for (const path of [engine, join(root, 'lib', 'libc10.so'), process.execPath]) {
      const listed = execFileSync('readelf', ['--version-info', '--wide', path], {
        encoding: 'utf8',
        maxBuffer: 1e8,
      });
      const versions = [...listed.matchAll(/Name: GLIBC_([\d.]+)/g)].map(([, version]) => version ?? '');
      expect(versions.length).toBeGreaterThan(0);
      const newest = versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
      expect(neededGlibc(path)).toBe(newest);
    }
  });

  test('is null for a library that needs none', () => {
    const directory = writeTree(temporaryDirectory(), { 'one.c': 'int one(void) { return 1; }\n' });
    const library = join(directory, 'one.so');
    execFileSync('cc', ['-shared', '-nostdlib', '-o', library, join(directory, 'one.c')]);
    expect(neededGlibc(library)).toBe(null);
  });
});
