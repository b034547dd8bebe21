import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtMinors, findEngine } from '../../lib/addon/engines.ts';
import type { DoctorReport } from '../../lib/cli/doctor.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { type Ended, type Invocation, torchTlProcess } from '../cli/torch-tl.ts';
import { writeLookalike, writeTree, writeVariation } from '../support/libtorch.ts';
import { packageCopy, prebuilds, torchTlOf } from '../support/package-copy.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { preloaded } from './injection/inject.ts';

/*
 * What a user reads when LibTorch cannot be loaded, each in a process of its own: a real LibTorch of
 * which one library is changed.
 */

const { root: real, minor } = locateLibTorch(builtMinors(packageRoot));

describe('LibTorch that cannot be loaded', () => {
  test('is missing', async () => {
    const { code, message } = await errorWith('');
    expect(code).toBe('LIBTORCH_NOT_FOUND');
    for (const way of [
      'npx torch-tl libtorch install',
      'TORCH_TL_LIBTORCH=DIR',
      `pip install torch==${builtMinors(packageRoot)[0]}.0`,
    ]) {
      expect(message).toContain(way);
    }
  });

  test('is named, but not there', async () => {
    expect(await errorWith('/no/such/directory')).toEqual({
      code: 'LIBTORCH_NOT_FOUND',
      message: expect.stringContaining('TORCH_TL_LIBTORCH: /no/such/directory: there is no such directory'),
    });
  });

  test('is of another minor version', async () => {
    const root = writeLookalike(temporaryDirectory(), '2.12.1+cpu');
    expect(await errorWith(root)).toEqual({
      code: 'LIBTORCH_VERSION',
      message: expect.stringContaining(
        `${root}: version 2.12 is not ${builtMinors(packageRoot).join(' or ')}`,
      ),
    });
  });

  test('lacks one of its own libraries', async () => {
    const root = writeLookalike(temporaryDirectory(), '2.13.0+cu130');
    expect(await errorWith(root)).toEqual({
      code: 'LIBTORCH_INCOMPLETE',
      message: expect.stringContaining('lib/libc10_cuda.so is missing'),
    });
  });

  test('lacks a library that one of its own needs', async () => {
    expect(await errorWithC10(replaced(c10(), 'libdl.so.2', 'libdx.so.2'))).toEqual({
      code: 'LIBTORCH_INCOMPLETE',
      message: expect.stringContaining('lib/libc10.so: it needs libdx.so.2, which is missing. Reinstall it'),
    });
  });

  test('needs a newer glibc', async () => {
    expect(await errorWithC10(replaced(c10(), 'GLIBC_2.14', 'GLIBC_9.14'))).toEqual({
      code: 'GLIBC_TOO_OLD',
      message: expect.stringMatching(
        /libc10\.so: it needs glibc 9\.14, and this system has glibc \d\S+\. Use a newer/,
      ),
    });
  });

  test('is for another processor architecture', async () => {
    expect(await errorWithC10(forAnotherProcessor(c10()))).toEqual({
      code: 'WRONG_ARCHITECTURE',
      message: expect.stringContaining(`another processor architecture than ${process.arch}`),
    });
  });

  test('is no shared library', async () => {
    expect(await errorWithC10(Buffer.from('version https://git-lfs.github.com/spec/v1\n'))).toEqual({
      code: 'LIBTORCH_INCOMPLETE',
      message: expect.stringContaining('lib/libc10.so: it is not a shared library (no ELF header)'),
    });
  });

  test.each([0, 40, 100_000])('is truncated to %d bytes', async (length) => {
    expect(await errorWithC10(c10().subarray(0, length))).toEqual({
      code: 'LIBTORCH_INCOMPLETE',
      message: expect.stringMatching(/lib\/libc10\.so: it is (truncated|not a shared library)/),
    });
  });

  test('is of two versions', async () => {
    const library = c10();
    // The names of the functions of c10::detail, as if another version had called it otherwise.
    const symbol = '_ZN3c106detail';
    for (let at = library.indexOf(symbol); at !== -1; at = library.indexOf(symbol, at))
      library.write('_ZN3c107', at);
    expect(await errorWithC10(library)).toEqual({
      code: 'LIBTORCH_VERSION',
      message: expect.stringMatching(
        /its libraries are from different versions \(undefined symbol _ZN3c107detail\S+\)/,
      ),
    });
  });

  function errorWithC10(library: Buffer) {
    return errorWith(writeVariation(join(temporaryDirectory(), 'torch'), real, { 'libc10.so': library }));
  }

  /** Why the engine cannot be loaded where this directory is the only LibTorch. */
  function errorWith(libtorch: string) {
    return errorOf((args, invocation) => torchTlProcess(args, invocation), libtorch);
  }
});

describe('an engine that cannot be loaded', () => {
  test('is absent for this platform', async () => {
    expect(await errorWithEngine({})).toEqual({
      code: 'ENGINE_NOT_BUILT',
      message: expect.stringMatching(
        `^The package in \\S+ contains no engine for ${process.platform}-${process.arch}\\. Build one with`,
      ),
    });
    expect(
      await errorWithEngine({ [`libtorch-${minor}/prebuilds/sunos-x64/torch-tl.node`]: engine() }),
    ).toMatchObject({
      code: 'ENGINE_NOT_BUILT',
    });
  });

  test('needs a newer glibc', async () => {
    const changed = replaced(engine(), 'GLIBC_2.2.5', 'GLIBC_9.2.5');
    expect(await errorWithEngine({ [ENGINE]: changed })).toEqual({
      code: 'GLIBC_TOO_OLD',
      message: expect.stringMatching(
        /torch-tl\.node cannot be loaded: it needs glibc 9\.2\.5, and this system has glibc \d\S+\. `npx torch-tl build` builds one for this system\./,
      ),
    });
  });

  test('is for another processor architecture', async () => {
    expect(await errorWithEngine({ [ENGINE]: forAnotherProcessor(engine()) })).toEqual({
      code: 'WRONG_ARCHITECTURE',
      message: expect.stringContaining(
        `another processor architecture than ${process.arch}. \`npx torch-tl build\``,
      ),
    });
  });

  test('is truncated', async () => {
    expect(await errorWithEngine({ [ENGINE]: engine().subarray(0, 100_000) })).toEqual({
      code: 'ENGINE_NOT_BUILT',
      message: expect.stringContaining('it is truncated: it has 100000 of at least'),
    });
  });

  const ENGINE = join(prebuilds(`libtorch-${minor}`), 'torch-tl.node');

  function engine(): Buffer {
    return readFileSync(findEngine(packageRoot, minor)?.path ?? '');
  }

  /** Why the engine cannot be loaded of a package with these files. */
  function errorWithEngine(files: Record<string, Buffer>) {
    const root = writeTree(packageCopy(), files);
    return errorOf((args, invocation) => torchTlOf(root, args, invocation), real);
  }
});

describe.runIf(process.platform === 'linux')('a system with musl', () => {
  test('is refused by name', async () => {
    // musl's loader shows in the process's memory map; here another library has its name.
    const musl = join(
      writeTree(temporaryDirectory(), { 'ld-musl-x86_64.so.1': c10() }),
      'ld-musl-x86_64.so.1',
    );
    const withMusl = (args: string[], { cwd, env }: Invocation) =>
      torchTlProcess(args, { cwd, env: { ...env, ...preloaded(musl) } });
    expect(await errorOf(withMusl, real)).toEqual({
      code: 'MUSL_UNSUPPORTED',
      message: expect.stringMatching(
        /uses musl as its C library .* node:22-slim image in place of node:22-alpine/,
      ),
    });
  });
});

function c10(): Buffer {
  return readFileSync(join(real, 'lib', 'libc10.so'));
}

/** A library with one text in place of another of the same length. */
function replaced(library: Buffer, from: string, to: string): Buffer {
  for (let at = library.indexOf(from); at >= 0; at = library.indexOf(from, at))
    library.write(to, at, 'latin1');
  return library;
}

/** The same with another `e_machine` in its header. */
function forAnotherProcessor(library: Buffer): Buffer {
  library.writeUInt16LE(22, 18);
  return library;
}

/** What a command line's doctor says of the engine where this directory is the only LibTorch. */
async function errorOf(call: (args: string[], invocation: Invocation) => Promise<Ended>, libtorch: string) {
  const empty = temporaryDirectory();
  const env = {
    TORCH_TL_LIBTORCH: libtorch,
    LIBTORCH: '',
    VIRTUAL_ENV: '',
    PATH: empty,
    TORCH_TL_CACHE: empty,
  };
  const { code, stdout, stderr } = await call(['doctor', '--json'], { cwd: empty, env });
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  const { engine } = JSON.parse(stdout) as DoctorReport;
  if (!('error' in engine)) throw new Error('The engine was expected not to load.');
  return engine.error;
}
