import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { cacheDirectory } from '../support/cache-directory.ts';
import { packageVersion } from '../support/version.ts';

interface NodeGypBuild {
  (directory: string): unknown;
  /** The file that it would load. */
  path(directory: string): string;
}

const nodeGypBuild = createRequire(import.meta.url)('node-gyp-build') as NodeGypBuild;

/** The file of an addon for this machine. */
export interface AddonFile {
  path: string;
  open(): unknown;
}

/**
 * The output directory of `torch-tl build`: the package itself in a checkout, else a directory of the cache, since an
 * installed package belongs to the package manager and is often read-only.
 */
export function buildDirectory(packageRoot: string): string {
  if (isCheckout(packageRoot)) return packageRoot;
  return join(cacheDirectory(), `engines-${packageVersion()}-${process.platform}-${process.arch}`);
}

/** The minor versions of LibTorch that have an engine, newest first: `['2.14', '2.13']`. */
export function builtMinors(packageRoot: string): string[] {
  const names = placesOf(packageRoot).flatMap((place) => (existsSync(place) ? readdirSync(place) : []));
  return [...new Set(names)]
    .filter((name) => /^libtorch-\d+\.\d+$/.test(name))
    .map((name) => name.slice('libtorch-'.length))
    .filter((minor) => findEngine(packageRoot, minor) !== null)
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
}

/** Those of `builtMinors` whose engine comes with the library for CUDA graphs. */
export function cudaMinors(packageRoot: string): string[] {
  return builtMinors(packageRoot).filter((minor) => {
    const engine = findEngine(packageRoot, minor);
    return engine !== null && existsSync(join(dirname(engine.path), 'torch-tl-cuda.so'));
  });
}

/**
 * The engine for a minor version of LibTorch: the one built on this machine, else the prebuilt one; null if neither
 * exists.
 */
export function findEngine(packageRoot: string, minor: string): AddonFile | null {
  return findAddon(packageRoot, `libtorch-${minor}`);
}

/**
 * The loader addon, which needs no LibTorch: the one built on this machine, else the prebuilt one; null if neither
 * exists.
 */
export function findLoader(packageRoot: string): AddonFile | null {
  return findAddon(packageRoot, '.');
}

/** Whether the package is a checkout of the repository: a published package has no TypeScript sources. */
export function isCheckout(packageRoot: string): boolean {
  return existsSync(join(packageRoot, 'lib', 'index.ts'));
}

/**
 * Directories to search. Addons built on this machine come first: they may replace a prebuilt one that does not load.
 */
function placesOf(packageRoot: string): string[] {
  return [...new Set([buildDirectory(packageRoot), packageRoot])];
}

function findAddon(packageRoot: string, folder: string): AddonFile | null {
  for (const place of placesOf(packageRoot)) {
    const directory = join(place, folder);
    const path = addonIn(directory);
    if (path !== null) return { path, open: () => nodeGypBuild(directory) };
  }
  return null;
}

function addonIn(directory: string): string | null {
  try {
    const path = nodeGypBuild.path(directory);
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}
