import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
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

describe.skipIf(process.platform === 'win32')("pyenv's Python", () => {
  test('is asked once for all directories without a version of their own, and again where one has or gets another', () => {
    const [starts, root, other, own] = Array.from({ length: 4 }, temporaryDirectory) as [
      string,
      string,
      string,
      string,
    ];
    const log = join(starts, 'starts');
    const programs = writePrograms(temporaryDirectory(), {
      python3: `# exec pyenv exec python3\necho . >> '${log}'\necho '["/p", "python3", null, []]'`,
    });
    for (const [name, value] of Object.entries({ PATH: `${programs}:${process.env.PATH}`, PYENV_ROOT: root }))
      vi.stubEnv(name, value);
    vi.stubEnv('PYENV_DIR', undefined);
    writeFileSync(join(root, 'version'), '3.11');
    writeFileSync(join(own, '.python-version'), '3.12');
    mkdirSync(join(own, 'below'));
    const before = process.cwd();
    const startsIn = (directory: string) => {
      process.chdir(directory);
      expect(findPythonTorches().next().value).toMatchObject({ python: 'python3', root: null });
      return readFileSync(log, 'utf8').split('\n').length - 1;
    };
    try {
      expect([startsIn(starts), startsIn(other), startsIn(starts)]).toEqual([1, 1, 1]);
      expect([startsIn(own), startsIn(join(own, 'below')), startsIn(other)]).toEqual([2, 2, 3]);
      // A version that is set, changed and removed.
      writeFileSync(join(other, '.python-version'), '3.12');
      expect(startsIn(other)).toBe(4);
      utimesSync(join(other, '.python-version'), 1, 1);
      expect(startsIn(other)).toBe(5);
      rmSync(join(other, '.python-version'));
      expect([startsIn(other), startsIn(starts)]).toEqual([6, 6]);
    } finally {
      process.chdir(before);
    }
  });
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
