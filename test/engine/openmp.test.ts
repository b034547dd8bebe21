import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/support/package-root.ts';

// OpenMP prints its settings when it is loaded; then comes what a program that this one starts would inherit.
const LOAD = `
  import { spawnSync } from 'node:child_process';
  import { loadEngine } from './dist/engine/engine.js';
  loadEngine();
  const { stdout } = spawnSync('printenv', { encoding: 'utf8' });
  console.log(stdout.split('\\n').filter((line) => /^(OMP_WAIT|GOMP_SPIN)/.test(line)).join());
`;

test.each([
  ['soon sleep', {}, '2000', ''],
  ['wait as the environment says', { GOMP_SPINCOUNT: '7' }, '7', 'GOMP_SPINCOUNT=7'],
  ['are left to OpenMP with a policy', { OMP_WAIT_POLICY: 'PASSIVE' }, '0', 'OMP_WAIT_POLICY=PASSIVE'],
])('threads that wait for others %s', (_, policy, expected, inherited) => {
  const { OMP_WAIT_POLICY: _own, GOMP_SPINCOUNT: _spin, ...env } = process.env;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', LOAD], {
    cwd: packageRoot,
    encoding: 'utf8',
    env: { ...env, ...policy, OMP_DISPLAY_ENV: 'VERBOSE' },
  });
  expect(stderr).toContain(`GOMP_SPINCOUNT = '${expected}'`);
  expect(stdout.trim()).toBe(inherited);
});
