import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/support/package-root.ts';

const text = readFileSync(join(packageRoot, 'SECURITY.md'), 'utf8');
const promises = text.split('\n').filter((line) => line.startsWith('| **'));

test('each promise of SECURITY.md names its tests, and they exist', () => {
  expect(promises.length).toBeGreaterThan(10);
  for (const promise of promises) {
    const files = [...promise.matchAll(/`(test\/[^`]+)`/g)].map(([, file]) => file as string);
    expect(files, promise).not.toEqual([]);
    for (const file of files) expect(existsSync(join(packageRoot, file)), file).toBe(true);
  }
});
