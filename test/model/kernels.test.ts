import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadEngine } from '../../lib/engine/engine.ts';
import { packageRoot } from '../../lib/support/package-root.ts';

test('every kernel computes what its header says, with every instruction set of this processor', () => {
  const engine = loadEngine();
  const minor = engine.libtorch.split('.').slice(0, 2).join('.');
  // Built with the engine.
  const check = join(packageRoot, `libtorch-${minor}`, 'build', 'check-kernels');
  const said = execFileSync(check, { encoding: 'utf8' });
  const sets = engine.info().cpu.kernels;
  expect(said).toBe(sets.map((set) => `${set}: as its headers say\n`).join(''));
});
