import { describe, expect, test } from 'vitest';
import { refuseMusl, usesMusl } from '../../lib/addon/platform.ts';

describe('usesMusl', () => {
  test("knows musl's loader in a process's memory map", () => {
    const map = '7f0e4a5d4000-7f0e4a5e8000 r--p 00000000 00:2e 1049  /lib/ld-musl-x86_64.so.1\n';
    expect(usesMusl(`55d0-55d1 r--p 00000000 00:2e 2114  /usr/local/bin/node\n${map}`)).toBe(true);
  });

  test("knows glibc's from it", () => {
    const map =
      '7f1c0a5d4000-7f1c0a5d5000 r--p 00000000 fe:00 791  /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2\n';
    expect(usesMusl(map)).toBe(false);
  });
});

describe('refuseMusl', () => {
  test('lets a glibc process pass', () => {
    expect(refuseMusl).not.toThrow();
  });
});
