import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadEngine } from '../../lib/engine/engine.ts';
import { packageRoot } from '../../lib/support/package-root.ts';

test('every image of a batch is taken by one process, and none takes a single one', () => {
  const minor = loadEngine().libtorch.split('.').slice(0, 2).join('.');
  // Built with the engine.
  const check = join(packageRoot, `libtorch-${minor}`, 'build', 'check-share');
  expect(execFileSync(check, { encoding: 'utf8' })).toBe('');
});
