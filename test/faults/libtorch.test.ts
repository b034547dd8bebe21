import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DoctorReport } from '../../lib/cli/doctor.ts';
import { builtMinors } from '../../lib/libtorch/engines.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { packageRoot } from '../../lib/package-root.ts';
import { torchTl } from '../cli/torch-tl.ts';
import { writeLookalike, writeVariation } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * What a user reads when LibTorch cannot be loaded, each in a process of its own: a real LibTorch of
 * which one library is changed.
 */

const real = locateLibTorch(builtMinors(packageRoot)).root;

describe('LibTorch that cannot be loaded', () => {
  test('is missing', async () => {
    const { code, message } = await errorWith('');
    expect(code).toBe('LIBTORCH_NOT_FOUND');
    for (const way of ['npx torch-tl build', 'TORCH_TL_LIBTORCH=DIR', 'pip install torch==2.13.0']) {
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
    expect(await errorWithC10(replaced('libdl.so.2', 'libdx.so.2'))).toEqual({
      code: 'LIBTORCH_INCOMPLETE',
      message: expect.stringContaining(
        'lib/libc10.so: it needs libdx.so.2, which is missing. Install it anew',
      ),
    });
  });

  test('needs a newer glibc', async () => {
    expect(await errorWithC10(replaced('GLIBC_2.14', 'GLIBC_9.14'))).toEqual({
      code: 'PLATFORM_UNSUPPORTED',
      message: expect.stringMatching(
        /libc10\.so needs GLIBC_9\.14, newer than this system has\. .*This one has glibc \d/,
      ),
    });
  });

  test('is for another kind of processor', async () => {
    const library = c10();
    library.writeUInt16LE(22, 18);
    expect(await errorWithC10(library)).toEqual({
      code: 'PLATFORM_UNSUPPORTED',
      message: expect.stringContaining(`another kind of processor than this one (${process.arch})`),
    });
  });

  test('is no shared library', async () => {
    expect(await errorWithC10(Buffer.from('version https://git-lfs.github.com/spec/v1\n'))).toEqual({
      code: 'LIBTORCH_INCOMPLETE',
      message: expect.stringContaining('lib/libc10.so: it is not a shared library (no ELF header)'),
    });
  });

  test.each([0, 40, 100_000])('is cut short to %d bytes', async (length) => {
    expect(await errorWithC10(c10().subarray(0, length))).toEqual({
      code: 'LIBTORCH_INCOMPLETE',
      message: expect.stringMatching(/lib\/libc10\.so: it is (cut short|not a shared library)/),
    });
  });

  function c10(): Buffer {
    return readFileSync(join(real, 'lib', 'libc10.so'));
  }

  /** libc10.so with one text, the first, in place of another of the same length. */
  function replaced(from: string, to: string): Buffer {
    const library = c10();
    library.write(to, library.indexOf(from), 'latin1');
    return library;
  }

  function errorWithC10(library: Buffer) {
    return errorWith(writeVariation(join(temporaryDirectory(), 'torch'), real, { 'libc10.so': library }));
  }

  /** Why the engine cannot be loaded where this directory is the only LibTorch. */
  async function errorWith(libtorch: string) {
    const empty = temporaryDirectory();
    const env = {
      TORCH_TL_LIBTORCH: libtorch,
      LIBTORCH: '',
      VIRTUAL_ENV: '',
      PATH: empty,
      TORCH_TL_CACHE: empty,
    };
    const { code, stdout, stderr } = await torchTl(['doctor', '--json'], { cwd: empty, env });
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const { engine } = JSON.parse(stdout) as DoctorReport;
    if (!('error' in engine)) throw new Error('The engine was expected not to load.');
    return engine.error;
  }
});
