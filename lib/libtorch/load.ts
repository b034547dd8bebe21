import { headerProblem, type LoadProblem, loaderProblem } from '../addon/load-problem.ts';
import { type Loader, loadLoader, notBuilt } from '../addon/loader.ts';
import { type ErrorCode, TorchTlError } from '../errors.ts';
import { type LibTorch, locateLibTorch } from './locate.ts';
import { fullVersion } from './version.ts';

/**
 * Finds a LibTorch of one of the given minor versions and loads it into this process. Afterwards the engine for its
 * minor version can be loaded. Repeated calls, also from other threads, are harmless.
 *
 * @throws TorchTlError `ENGINE_NOT_BUILT` if nothing is built; errors of `locateLibTorch`; for a library that does not
 *   load `LIBTORCH_INCOMPLETE`, `LIBTORCH_VERSION`, `GLIBC_TOO_OLD`, `WRONG_ARCHITECTURE`, `PLATFORM_UNSUPPORTED` or
 *   `NATIVE_FAILURE`
 */
export function loadLibTorch(packageRoot: string, minors: readonly string[]): LibTorch {
  if (minors.length === 0) throw notBuilt(packageRoot);
  const loader = loadLoader(packageRoot);
  const libtorch = locateLibTorch(minors);
  loadLibraries(loader, libtorch);
  return libtorch;
}

/** Loads the libraries of a LibTorch that the engine needs. Throws as `loadLibTorch` does. */
export function loadLibraries(loader: Loader, libtorch: LibTorch): void {
  for (const library of libtorch.libraries) loadLibrary(loader, library, libtorch);
}

function loadLibrary(loader: Loader, library: string, libtorch: LibTorch): void {
  const problem = headerProblem(library);
  if (problem) throw failure(library, problem, libtorch);
  try {
    loader.load(library);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw failure(library, loaderProblem(library, reason), libtorch);
  }
}

const REINSTALL =
  'Reinstall it (with `npx torch-tl libtorch install --force` if it is the one in the cache), or name another one with ' +
  'TORCH_TL_LIBTORCH=DIR; `npx torch-tl doctor` lists all that were found.';

const REMEDIES: Partial<Record<ErrorCode, string>> = {
  GLIBC_TOO_OLD: 'Use a newer system, or a LibTorch built for this one.',
  PLATFORM_UNSUPPORTED: 'Use a newer system, or a LibTorch built for this one.',
  WRONG_ARCHITECTURE: `Install one for ${process.arch}, or name another one with TORCH_TL_LIBTORCH=DIR.`,
};

function failure(library: string, { code, text }: LoadProblem, libtorch: LibTorch): TorchTlError {
  return new TorchTlError(
    code,
    `LibTorch ${fullVersion(libtorch)} in ${libtorch.root} cannot be loaded: ${library}: ${text}. ` +
      (REMEDIES[code] ?? REINSTALL),
  );
}
