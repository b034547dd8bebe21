import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../lib/support/package-root.ts';
import { torchTlProcess } from '../cli/torch-tl.ts';
import { temporaryDirectory } from './temporary-directory.ts';

interface Loaded {
  /** Of torch-tl itself, such as `dist/cli/main.js`. */
  files: string[];
  /** The names of the others' packages. */
  packages: string[];
}

/** Which JavaScript a call of `torch-tl` loads, by V8's own list of scripts: it leaves one for coverage. */
export async function loadedBy(args: string[]): Promise<Loaded> {
  const directory = temporaryDirectory();
  await torchTlProcess(args, { cwd: directory, env: { NODE_V8_COVERAGE: directory } });
  const urls = readdirSync(directory).flatMap((name) => scriptsOf(join(directory, name)));
  const paths = urls.filter((url) => url.startsWith('file:')).map((url) => fileURLToPath(url));
  const packages = paths.map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]);
  return {
    files: paths
      .filter((_, index) => packages[index] === undefined)
      .map((path) => relative(packageRoot, path)),
    packages: [...new Set(packages.filter((name) => name !== undefined))],
  };
}

function scriptsOf(coverage: string): string[] {
  const { result } = JSON.parse(readFileSync(coverage, 'utf8')) as { result: Array<{ url: string }> };
  return result.map(({ url }) => url);
}
