import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { TorchTlError } from '../errors.ts';
import { elfProblem } from './elf.ts';
import { hasAddon, type Loader, loadLoader, notBuilt } from './loader.ts';
import { type LibTorch, locateLibTorch } from './locate.ts';
import { fullVersion } from './version.ts';

/** The minor versions of LibTorch for which the package has an engine, the newest first: `['2.13']`. */
export function builtMinors(packageRoot: string): string[] {
  return readdirSync(packageRoot)
    .filter((name) => /^libtorch-\d+\.\d+$/.test(name) && hasAddon(join(packageRoot, name)))
    .map((name) => name.slice('libtorch-'.length))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
}

/**
 * Finds a LibTorch of one of the given minor versions and loads it into this process, after which
 * the engine built for its minor version can be loaded. A second call is harmless, as is one from
 * another thread.
 *
 * @throws TorchTlError `ENGINE_NOT_BUILT` where nothing is built, what `locateLibTorch` throws, and
 *   by what keeps a library from loading `LIBTORCH_INCOMPLETE`, `LIBTORCH_VERSION`,
 *   `PLATFORM_UNSUPPORTED` or `NATIVE_FAILURE`
 */
export function loadLibTorch(packageRoot: string, minors: readonly string[]): LibTorch {
  if (minors.length === 0) throw notBuilt(packageRoot);
  const loader = loadLoader(packageRoot);
  const libtorch = locateLibTorch(minors);
  for (const library of libtorch.libraries) loadLibrary(loader, library, libtorch);
  return libtorch;
}

function loadLibrary(loader: Loader, library: string, libtorch: LibTorch): void {
  const problem = process.platform === 'linux' ? elfProblem(library) : null;
  if (problem) {
    const code = problem.kind === 'damaged' ? 'LIBTORCH_INCOMPLETE' : 'PLATFORM_UNSUPPORTED';
    throw failure(code, library, problem.text, libtorch, REINSTALL);
  }
  try {
    loader.load(library);
  } catch (cause) {
    throw explain(library, cause instanceof Error ? cause.message : String(cause), libtorch);
  }
}

const REINSTALL =
  'Install it anew, or name another one with TORCH_TL_LIBTORCH=DIR; `npx torch-tl doctor` lists those that are there.';

/** Turns glibc's reason (dl-load.c, dl-version.c, dl-lookup.c) into what it means and what to do. */
function explain(library: string, reason: string, libtorch: LibTorch): TorchTlError {
  const missing = reason.match(/^(\S+): cannot open shared object file: No such file/)?.[1];
  if (missing) {
    return failure(
      'LIBTORCH_INCOMPLETE',
      library,
      `it needs ${missing}, which is missing`,
      libtorch,
      REINSTALL,
    );
  }
  const [, symbol, of] = reason.match(/version [`'](\S+)' not found \(required by ([^)]+)\)/) ?? [];
  if (symbol?.startsWith('GLIBC')) {
    const remedy = `Use a newer system, or a LibTorch made for this one. ${systemVersion(symbol)}`;
    return failure(
      'PLATFORM_UNSUPPORTED',
      library,
      `${of} needs ${symbol}, newer than this system has`,
      libtorch,
      remedy,
    );
  }
  const undefinedSymbol = reason.match(/undefined symbol: (\S+)/)?.[1];
  if (undefinedSymbol) {
    const problem = `its libraries are not of one version (undefined symbol ${undefinedSymbol})`;
    return failure('LIBTORCH_VERSION', library, problem, libtorch, REINSTALL);
  }
  return failure('NATIVE_FAILURE', library, reason, libtorch, REINSTALL);
}

function systemVersion(symbol: string): string {
  if (symbol.startsWith('GLIBCXX')) return 'The library in question is libstdc++.';
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return `This one has glibc ${header.glibcVersionRuntime ?? 'of unknown version'}.`;
}

function failure(
  code: TorchTlError['code'],
  library: string,
  problem: string,
  libtorch: LibTorch,
  remedy: string,
): TorchTlError {
  return new TorchTlError(
    code,
    `LibTorch ${fullVersion(libtorch)} in ${libtorch.root} cannot be loaded: ${library}: ${problem}. ${remedy}`,
  );
}
