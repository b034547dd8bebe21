import { describe, expect, test } from 'vitest';
import { fullVersion, readLibTorchVersion } from '../../lib/libtorch/version.ts';
import { WHEEL_VERSION, writeTree } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describe('readLibTorchVersion', () => {
  test("reads a CPU wheel's version.py", () => {
    expect(read({ 'version.py': WHEEL_VERSION })).toEqual({
      version: '2.13.0',
      minor: '2.13',
      variant: 'cpu',
      cuda: null,
    });
  });

  test("reads a CUDA wheel's version.py", () => {
    const text = "__version__ = '2.13.0+cu130'\ncuda: Optional[str] = '13.0'\n";
    expect(read({ 'version.py': text })).toMatchObject({ version: '2.13.0', variant: 'cu130', cuda: '13.0' });
  });

  test('takes the variant from the CUDA version where the version names another thing', () => {
    const text = "__version__ = '2.11.0a0+eb65b36914.nv26.01'\ncuda = '13.1'\n";
    expect(read({ 'version.py': text })).toEqual({
      version: '2.11.0a0',
      minor: '2.11',
      variant: 'cu131',
      cuda: '13.1',
    });
  });

  test('takes a version without a variant, as macOS wheels have, for a CPU build', () => {
    expect(read({ 'version.py': '__version__ = "2.13.0"\ncuda = None\n' })).toMatchObject({
      version: '2.13.0',
      variant: 'cpu',
    });
  });

  test.each([
    ['2.13.0+cpu\n', 'cpu', null],
    ['2.13.0+cu126', 'cu126', '12.6'],
  ])("reads an official archive's build-version %j", (text, variant, cuda) => {
    expect(read({ 'build-version': text })).toEqual({ version: '2.13.0', minor: '2.13', variant, cuda });
  });

  test.each([
    ['a directory with neither file', {}],
    ['a version.py without a version', { 'version.py': 'debug = False\n' }],
    ['a version that is none', { 'build-version': 'unknown\n' }],
  ])('gives null for %s', (_, files) => {
    expect(read(files)).toBeNull();
  });

  function read(files: Record<string, string>) {
    return readLibTorchVersion(writeTree(temporaryDirectory(), files));
  }
});

describe('fullVersion', () => {
  test('joins version and variant', () => {
    expect(fullVersion({ version: '2.13.0', minor: '2.13', variant: 'cu130', cuda: '13.0' })).toBe(
      '2.13.0+cu130',
    );
  });
});
