import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../lib/support/package-root.ts';

/**
 * Once before all tests: brings `dist` up to date, from which processes and Workers run, and makes a directory for all
 * temporary files, decoded images too, which are of no use to anyone afterwards. Features are kept nowhere, so that no
 * test finds those of another, or of a user: a test that is about them names a cache of its own.
 */
export function setup(): () => void {
  const tsc = join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  for (const project of ['tsconfig.build.json', 'lib/browser/tsconfig.json'])
    execFileSync(process.execPath, [tsc, '-p', project], { cwd: packageRoot, stdio: 'inherit' });
  const directory = mkdtempSync(join(tmpdir(), 'torch-tl-tests-'));
  process.env.TMPDIR = directory;
  process.env.TORCH_TL_IMAGE_CACHE = join(directory, 'images');
  process.env.TORCH_TL_CACHE_LIMIT = '0';
  return () => rmSync(directory, { recursive: true, force: true });
}
