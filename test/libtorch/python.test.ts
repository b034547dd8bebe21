import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { builtMinors } from '../../lib/addon/engines.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { findPythonTorches } from '../../lib/libtorch/python.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { writePrograms } from '../support/fake-programs.ts';
import { writeTree } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const hasPython = spawnSync('python3', ['--version']).status === 0;

beforeEach(() => {
  vi.stubEnv('VIRTUAL_ENV', '');
  vi.stubEnv('TORCH_TL_CACHE', temporaryDirectory());
});
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

  test('asks a Python once, and again where its packages or its environment have changed', () => {
    const directory = writeTree(temporaryDirectory(), {
      'sitecustomize.py': `open('${join(temporaryDirectory(), 'starts')}', 'a').write('.')\n`,
      'torch/__init__.py': '',
    });
    const starts = () =>
      readFileSync(/'(.*?)'/.exec(readFileSync(join(directory, 'sitecustomize.py'), 'utf8'))?.[1] ?? '')
        .length;
    vi.stubEnv('PYTHONPATH', directory);
    const root = join(directory, 'torch');
    expect([first()?.root, first()?.root, starts()]).toEqual([root, root, 1]);

    renameSync(root, join(directory, 'torch-gone'));
    expect(first()?.root).not.toBe(root);
    const asked = starts();
    expect(asked).toBeGreaterThan(1);
    first();
    expect(starts()).toBe(asked);

    // A no does not outlive what is installed afterwards.
    renameSync(join(directory, 'torch-gone'), root);
    expect(first()?.root).toBe(root);

    vi.stubEnv('PYTHONPATH', '');
    expect(first()?.root).not.toBe(root);
  });

  test('asks again where what it remembers cannot be read', () => {
    const cache = temporaryDirectory();
    vi.stubEnv('TORCH_TL_CACHE', cache);
    const answer = first();
    expect(existsSync(join(cache, 'pythons.json'))).toBe(true);
    for (const content of ['', '{', '[]', '{"/usr/bin/python3": 1}']) {
      writeFileSync(join(cache, 'pythons.json'), content);
      expect(first()).toEqual(answer);
    }
  });

  function first() {
    return findPythonTorches().next().value ?? undefined;
  }

  function prefixOf(python: string): string {
    const program = 'import sys; print(sys.prefix)';
    return spawnSync(python, ['-c', program], { encoding: 'utf8' }).stdout ?? python;
  }
});

describe.skipIf(process.platform === 'win32')('a Python that does not answer in time', () => {
  test('is no Python without torch: nothing else is taken in its place, and the message says that it was slow', () => {
    const root = join(temporaryDirectory(), 'torch');
    vi.stubEnv(
      'PATH',
      writePrograms(temporaryDirectory(), {
        python3: 'exec sleep 60',
        python: `echo '["/p", "python", "${root}"]'`,
      }),
    );
    for (const name of ['TORCH_TL_LIBTORCH', 'LIBTORCH']) vi.stubEnv(name, '');
    expect([...findPythonTorches(0.5)]).toMatchObject([
      { isUndecided: true, problem: 'it did not answer within 0.5 s' },
      { isUndecided: false, root },
    ]);
    const message =
      /Python \(python3\) has torch: it did not answer within 0\.5 s\. Try again .*TORCH_TL_LIBTORCH=DIR/s;
    expect(() => locateLibTorch(builtMinors(packageRoot), 0.5)).toThrow(
      expect.objectContaining({ code: 'PYTHON_TOO_SLOW', message: expect.stringMatching(message) }),
    );
  });
});
