import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { cacheDirectory } from '../../lib/support/cache-directory.ts';

afterEach(() => void vi.unstubAllEnvs());

describe('cacheDirectory', () => {
  test.each([
    ['TORCH_TL_CACHE before XDG_CACHE_HOME', 'own', '/shared', resolve('own')],
    ['torch-tl under XDG_CACHE_HOME', '', '/shared', join('/shared', 'torch-tl')],
    ['~/.cache where XDG_CACHE_HOME is relative', '', 'shared', join(homedir(), '.cache', 'torch-tl')],
    ['~/.cache where neither is set', '', '', join(homedir(), '.cache', 'torch-tl')],
  ])('is %s', (_, own, shared, expected) => {
    vi.stubEnv('TORCH_TL_CACHE', own);
    vi.stubEnv('XDG_CACHE_HOME', shared);
    expect(cacheDirectory()).toBe(expected);
  });
});
