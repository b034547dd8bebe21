import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { builtMinors } from '../../lib/addon/engines.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { packageCopy } from './package-copy.ts';
import { lastingDirectory, shared } from './temporary-directory.ts';
import { zipOf } from './zip.ts';

/*
 * A small archive of LibTorch, both of whose libraries are LibTorch's smallest. There is no engine for it, and so only they
 * are loaded.
 */

export const ARCHIVE_VERSION = '2.12.0+cpu';
export const ARCHIVE = `libtorch-shared-with-deps-${ARCHIVE_VERSION}.zip`;

export const c10 = readFileSync(join(locateLibTorch(builtMinors(packageRoot)).root, 'lib', 'libc10.so'));

export const FILES = { 'libtorch/build-version': `${ARCHIVE_VERSION}\n` };
export const LIBRARIES = { 'libtorch/lib/libc10.so': c10, 'libtorch/lib/libtorch_cpu.so': c10 };

export function archive(): Buffer {
  return zipOf({ ...FILES, ...LIBRARIES });
}

const withoutEngine = shared(async () => packageCopy({ root: lastingDirectory() }));

/** Node's arguments that install the archive from a server into a cache, by a copy of the package without an engine. */
export async function installArguments(url: string, cache: string): Promise<string[]> {
  const variables = { TORCH_TL_CACHE: cache, TORCH_TL_LIBTORCH_URL: url, NO_PROXY: '127.0.0.1' };
  const main = pathToFileURL(join(await withoutEngine(), 'dist', 'cli', 'main.js'));
  const words = ['libtorch', 'install', '--cpu', '--version', ARCHIVE_VERSION];
  const text = `
    Object.assign(process.env, ${JSON.stringify(variables)});
    const { main } = await import(${JSON.stringify(main.href)});
    process.exitCode = await main(${JSON.stringify(words)});`;
  return ['--input-type=module', '--eval', text];
}
