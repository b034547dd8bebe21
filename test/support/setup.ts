import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../lib/support/package-root.ts';

/**
 * Once before all tests: brings `dist` up to date, from which processes and Workers run, and makes a directory for all
 * temporary files, decoded images too, which are of no use to anyone afterwards.
 */
export function setup(): () => void {
  const tsc = join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: packageRoot, stdio: 'inherit' });
  const directory = mkdtempSync(join(tmpdir(), 'torch-tl-tests-'));
  process.env.TMPDIR = directory;
  process.env.TORCH_TL_IMAGE_CACHE = join(directory, 'images');
  return () => rmSync(directory, { recursive: true, force: true });
}
