import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-root.ts';

// OpenMP prints its settings when it is loaded; then comes what a program that this one starts would inherit.
const LOAD = `
  import { spawnSync } from 'node:child_process';
  import { loadEngine } from './dist/engine.js';
  loadEngine();
  const { stdout } = spawnSync('printenv', { encoding: 'utf8' });
  console.log(stdout.split('\\n').filter((line) => line.startsWith('OMP_WAIT_POLICY')).join());
`;

test.each([
  ['sleep', {}, 'PASSIVE', ''],
  ['wait as the environment says', { OMP_WAIT_POLICY: 'ACTIVE' }, 'ACTIVE', 'OMP_WAIT_POLICY=ACTIVE'],
])('threads that wait for others %s', (_, policy, expected, inherited) => {
  const { OMP_WAIT_POLICY: _own, GOMP_SPINCOUNT: _spin, ...env } = process.env;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', LOAD], {
    cwd: packageRoot,
    encoding: 'utf8',
    env: { ...env, ...policy, OMP_DISPLAY_ENV: 'TRUE' },
  });
  expect(stderr).toContain(`OMP_WAIT_POLICY = '${expected}'`);
  expect(stdout.trim()).toBe(inherited);
});
