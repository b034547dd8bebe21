import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { loadEngine } from '../../lib/engine/engine.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { packageRoot } from '../../lib/support/package-root.ts';

/** Runs a program of test/native, which is built with the engine, and gives what it prints; throws if it finds a fault. */
export function nativeCheck(name: string): string {
  const minor = loadEngine().libtorch.split('.').slice(0, 2).join('.');
  const { root } = locateLibTorch([minor]);
  const env = { ...process.env, LD_LIBRARY_PATH: join(root, 'lib'), DYLD_LIBRARY_PATH: join(root, 'lib') };
  return execFileSync(join(packageRoot, `libtorch-${minor}`, 'build', name), { encoding: 'utf8', env });
}
