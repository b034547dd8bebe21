import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { findPythonTorches } from '../../lib/libtorch/python.ts';
import { writeTree } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const hasPython = spawnSync('python3', ['--version']).status === 0;

beforeEach(() => void vi.stubEnv('VIRTUAL_ENV', ''));
afterEach(() => void vi.unstubAllEnvs());

describe.runIf(hasPython)('findPythonTorches (needs python3 on PATH)', () => {
  test('finds torch without importing it', () => {
    const directory = writeTree(temporaryDirectory(), {
      'torch/__init__.py': "raise SystemExit('torch was imported')\n",
    });
    vi.stubEnv('PYTHONPATH', directory);
    expect(first()).toMatchObject({ root: join(directory, 'torch') });
  });

  test('takes no torch directory of the working directory for an installed one', () => {
    const directory = writeTree(temporaryDirectory(), { 'torch/__init__.py': '' });
    const before = process.cwd();
    process.chdir(directory);
    try {
      expect(first()?.root).not.toBe(join(directory, 'torch'));
    } finally {
      process.chdir(before);
    }
  });

  test('lists one Python once, whatever its names', () => {
    const prefixes = [...findPythonTorches()].map(({ python }) => prefixOf(python));
    expect(new Set(prefixes).size).toBe(prefixes.length);
  });

  function first() {
    return findPythonTorches().next().value ?? undefined;
  }

  function prefixOf(python: string): string {
    const program = 'import sys; print(sys.prefix)';
    return spawnSync(python, ['-c', program], { encoding: 'utf8' }).stdout ?? python;
  }
});
