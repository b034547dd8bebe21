import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../lib/support/package-root.ts';

/**
 * Once before all tests: brings `dist` up to date, from which processes and Workers run, and makes a directory for the
 * images that tests decode, which are of no use to anyone afterwards.
 */
export function setup(): () => void {
  const tsc = join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: packageRoot, stdio: 'inherit' });
  const images = mkdtempSync(join(tmpdir(), 'torch-tl-test-images-'));
  process.env.TORCH_TL_IMAGE_CACHE = images;
  return () => rmSync(images, { recursive: true, force: true });
}
