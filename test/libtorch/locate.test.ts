import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TorchTlError } from '../../lib/errors.ts';
import { findCandidates, findLibTorch, inspectLibTorch, locateLibTorch } from '../../lib/libtorch/locate.ts';
import { writeLookalike, writeTree } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

let directory: string;

/** Every place is inside `directory`; there is no Python. */
beforeEach(() => {
  directory = temporaryDirectory();
  for (const name of ['TORCH_TL_LIBTORCH', 'LIBTORCH', 'VIRTUAL_ENV']) vi.stubEnv(name, '');
  vi.stubEnv('PATH', directory);
  vi.stubEnv('TORCH_TL_CACHE', join(directory, 'cache'));
});

afterEach(() => void vi.unstubAllEnvs());

describe('locateLibTorch', () => {
  test('takes the one that TORCH_TL_LIBTORCH names before any other', () => {
    const root = named('TORCH_TL_LIBTORCH');
    named('LIBTORCH');
    cached('2.13.1+cpu');
    expect(locateLibTorch(['2.13'])).toEqual({
      root,
      version: '2.13.0',
      minor: '2.13',
      variant: 'cpu',
      cuda: null,
      libraries: [join(root, 'lib', 'libc10.so'), join(root, 'lib', 'libtorch_cpu.so')],
    });
  });

  test('goes on in order past those that do not fit', () => {
    named('TORCH_TL_LIBTORCH', '2.12.1+cpu');
    const root = named('LIBTORCH');
    expect(locateLibTorch(['2.13']).root).toBe(root);
  });

  test("takes a Python's torch before the cache", () => {
    const root = pythonWithTorch();
    cached('2.13.0+cpu');
    expect(locateLibTorch(['2.13']).root).toBe(root);
  });

  test('asks no Python where an earlier place has one that fits', () => {
    named('LIBTORCH');
    pythonWithTorch();
    locateLibTorch(['2.13']);
    expect(existsSync(join(directory, 'asked'))).toBe(false);
  });

  test('takes the newest in the cache, with CUDA where there is a choice', () => {
    for (const version of ['2.9.0+cpu', '2.13.0+cpu', '2.13.0+cu130', '2.12.0+cpu']) cached(version);
    expect(locateLibTorch(['2.9', '2.13'])).toMatchObject({ version: '2.13.0', variant: 'cu130' });
    rmSync(join(directory, 'cache', 'libtorch-2.13.0+cu130'), { recursive: true });
    expect(locateLibTorch(['2.9', '2.13'])).toMatchObject({ version: '2.13.0', variant: 'cpu' });
  });

  test('names the three ways out where there is none', () => {
    const error = failure();
    expect(error.code).toBe('LIBTORCH_NOT_FOUND');
    expect(error.message).toContain('No LibTorch 2.13 was found');
    expect(error.message).toContain('Python (python3): there is no such program');
    expect(error.message).toContain(`cache: ${join(directory, 'cache')} contains none`);
    for (const way of ['npx torch-tl build', 'TORCH_TL_LIBTORCH=DIR', 'pip install torch==2.13.0']) {
      expect(error.message).toContain(way);
    }
  });

  test('says what is wrong with the one that TORCH_TL_LIBTORCH names', () => {
    vi.stubEnv('TORCH_TL_LIBTORCH', join(directory, 'nowhere'));
    expect(failure().message).toContain(
      `TORCH_TL_LIBTORCH: ${join(directory, 'nowhere')}: there is no such directory`,
    );
  });

  test('has the code of what is wrong with the first that is there', () => {
    named('TORCH_TL_LIBTORCH', '2.12.1+cpu');
    expect(failure()).toMatchObject({
      code: 'LIBTORCH_VERSION',
      message: expect.stringContaining('version 2.12 is not 2.13'),
    });
  });

  function failure(): TorchTlError {
    try {
      locateLibTorch(['2.13']);
    } catch (error) {
      if (error instanceof TorchTlError) return error;
    }
    throw new Error('A TorchTlError was expected.');
  }
});

describe('findLibTorch', () => {
  test('gives null where there is none', () => {
    expect(findLibTorch(['2.13'])).toBeNull();
  });

  test('gives the first that fits', () => {
    cached('2.13.0+cpu');
    expect(findLibTorch(['2.13'])?.root).toBe(join(directory, 'cache', 'libtorch-2.13.0+cpu', 'torch'));
  });
});

describe('findCandidates', () => {
  test('lists every place with why it is taken or not, and takes one', () => {
    const old = named('TORCH_TL_LIBTORCH', '2.12.1+cpu');
    const fitting = named('LIBTORCH');
    const spare = cached('2.13.0+cpu');
    expect(findCandidates(['2.13'])).toEqual([
      {
        source: 'TORCH_TL_LIBTORCH',
        root: old,
        version: '2.12.1+cpu',
        accepted: false,
        reason: 'version 2.12 is not 2.13',
      },
      {
        source: 'LIBTORCH',
        root: fitting,
        version: '2.13.0+cpu',
        accepted: true,
        reason: 'the first match',
      },
      {
        source: 'Python (python3)',
        root: null,
        version: null,
        accepted: false,
        reason: 'there is no such program',
      },
      {
        source: 'Python (python)',
        root: null,
        version: null,
        accepted: false,
        reason: 'there is no such program',
      },
      {
        source: 'cache',
        root: spare,
        version: '2.13.0+cpu',
        accepted: false,
        reason: 'it also matches, but LIBTORCH comes first',
      },
    ]);
  });

  test('lists a Python that cannot answer', () => {
    python('exit 1');
    expect(findCandidates(['2.13'])[0]).toMatchObject({
      root: null,
      reason: 'the query for its torch failed',
    });
  });
});

describe('inspectLibTorch', () => {
  test.each(['libc10.so', 'libtorch_cpu.so'])('names %s where it is missing', (library) => {
    const root = writeLookalike(join(directory, 'torch'));
    rmSync(join(root, 'lib', library));
    expect(inspectLibTorch(root, ['2.13'])).toMatchObject({
      code: 'LIBTORCH_INCOMPLETE',
      reason: `it is incomplete: lib/${library} is missing`,
    });
  });

  test("asks a CUDA build for CUDA's libraries", () => {
    const root = writeLookalike(join(directory, 'torch'), '2.13.0+cu130');
    expect(inspectLibTorch(root, ['2.13'])).toMatchObject({
      code: 'LIBTORCH_INCOMPLETE',
      reason: 'it is incomplete: lib/libc10_cuda.so is missing',
    });
  });

  test('points one level down where LibTorch is there', () => {
    const root = writeLookalike(join(directory, 'torch'));
    expect(inspectLibTorch(directory, ['2.13'])).toMatchObject({
      code: 'LIBTORCH_NOT_FOUND',
      reason: expect.stringContaining(`did you mean ${root}?`),
    });
  });

  test('lists the versions that would do', () => {
    const root = writeLookalike(join(directory, 'torch'), '2.10.0+cpu');
    expect(inspectLibTorch(root, ['2.11', '2.12', '2.13'])).toMatchObject({
      reason: 'version 2.10 is not 2.11, 2.12 or 2.13',
    });
  });
});

function named(variable: string, version?: string): string {
  const root = writeLookalike(join(directory, variable), version);
  vi.stubEnv(variable, root);
  return root;
}

function cached(version: string): string {
  const root = writeLookalike(join(directory, 'cache', `libtorch-${version}`, 'torch'), version);
  if (version.includes('cu')) writeTree(root, { 'lib/libc10_cuda.so': '', 'lib/libtorch_cuda.so': '' });
  return root;
}

/** An active virtual environment whose Python answers with a torch, and leaves a trace of having been asked. */
function pythonWithTorch(): string {
  const root = writeLookalike(join(directory, 'site-packages', 'torch'));
  python(`: > '${join(directory, 'asked')}'; echo '["${directory}", "python", "${root}"]'`);
  return root;
}

function python(script: string): void {
  const environment = join(directory, 'environment');
  mkdirSync(environment);
  writeTree(environment, { 'bin/python': `#!/bin/sh\n${script}\n` });
  chmodSync(join(environment, 'bin', 'python'), 0o755);
  vi.stubEnv('VIRTUAL_ENV', environment);
}
