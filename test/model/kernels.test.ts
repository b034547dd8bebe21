import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadEngine } from '../../lib/engine/engine.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test('every kernel computes what its header says, with every set of instructions of this processor', () => {
  const build = temporaryDirectory();
  const source = join(import.meta.dirname, '../native');
  execFileSync('cmake', ['-S', source, '-B', build], { stdio: 'pipe' });
  execFileSync('cmake', ['--build', build, '--parallel', '2'], { stdio: 'pipe' });
  const said = execFileSync(join(build, 'check-kernels'), { encoding: 'utf8' });
  const sets = loadEngine().info().cpu.kernels;
  expect(said).toBe(sets.map((set) => `${set}: as its headers say\n`).join(''));
});
