import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { cacheDirectory } from '../support/cache-directory.ts';
import { packageVersion } from '../support/version.ts';

interface NodeGypBuild {
  (directory: string): unknown;
  /** The file it would load. */
  path(directory: string): string;
}

const nodeGypBuild = createRequire(import.meta.url)('node-gyp-build') as NodeGypBuild;

/** An addon for this machine. */
export interface AddonFile {
  path: string;
  open(): unknown;
}

/**
 * Where `torch-tl build` puts what it builds: in a checkout beside the sources, for an installed package into
 * the cache, since its own directory is the package manager's, and often read-only.
 */
export function buildDirectory(packageRoot: string): string {
  if (isCheckout(packageRoot)) return packageRoot;
  return join(cacheDirectory(), `engines-${packageVersion()}-${process.platform}-${process.arch}`);
}

/** The minor versions of LibTorch for which there is an engine, the newest first: `['2.14', '2.13']`. */
export function builtMinors(packageRoot: string): string[] {
  const names = placesOf(packageRoot).flatMap((place) => (existsSync(place) ? readdirSync(place) : []));
  return [...new Set(names)]
    .filter((name) => /^libtorch-\d+\.\d+$/.test(name))
    .map((name) => name.slice('libtorch-'.length))
    .filter((minor) => findEngine(packageRoot, minor) !== null)
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
}

/** Those of them whose engine has the library beside it that records work on a GPU. */
export function cudaMinors(packageRoot: string): string[] {
  return builtMinors(packageRoot).filter((minor) => {
    const engine = findEngine(packageRoot, minor);
    return engine !== null && existsSync(join(dirname(engine.path), 'torch-tl-cuda.so'));
  });
}

/** The engine for a minor version of LibTorch: one that was built here, else the one in the package. */
export function findEngine(packageRoot: string, minor: string): AddonFile | null {
  return findAddon(packageRoot, `libtorch-${minor}`);
}

/** The tiny addon that needs no LibTorch: one that was built here, else the one in the package. */
export function findLoader(packageRoot: string): AddonFile | null {
  return findAddon(packageRoot, '.');
}

/** Only the repository has the sources in TypeScript. */
export function isCheckout(packageRoot: string): boolean {
  return existsSync(join(packageRoot, 'lib', 'index.ts'));
}

/** What was built for this machine comes first: it may be in place of a prebuilt one that does not load. */
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
