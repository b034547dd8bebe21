import { describe, expect, test, vi } from 'vitest';
import { cacheLimit } from '../../lib/support/cache-limit.ts';

function limitOf(text: string): number {
  vi.stubEnv('TORCH_TL_CACHE_LIMIT', text);
  try {
    return cacheLimit();
  } finally {
    vi.unstubAllEnvs();
  }
}

describe('the limit of kept features', () => {
  test.for([
    ['', 10e9],
    ['0', 0],
    ['123', 123],
    ['10GB', 10e9],
    ['500 mb', 5e8],
    ['1.5kB', 1500],
    ['2GiB', 2 ** 31],
    ['1TB', 1e12],
  ] as const)("of '%s' is %i bytes", ([text, bytes]) => {
    expect(limitOf(text)).toBe(bytes);
  });

  test.for(['much', '-1', '1XB', 'GB', '1e3', '10 GB or so', '99999999TB'])("cannot be '%s'", (text) => {
    expect(() => limitOf(text)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`TORCH_TL_CACHE_LIMIT must be a size such as 10GB`),
      }),
    );
  });
});
