import { TorchTlError } from '../errors.ts';
import { findLoader } from './engines.ts';
import { openAddon } from './load-problem.ts';

/** The tiny addon that needs no LibTorch. */
export interface Loader {
  /** Loads a shared library by absolute path; throws the system's reason. */
  load(path: string): void;
  /**
   * Locks the open file of a descriptor until it is closed; false where the file was opened and
   * locked elsewhere. Throws the system's reason.
   */
  lock(descriptor: number): boolean;
}

/** @throws TorchTlError `ENGINE_NOT_BUILT`, or by what keeps it from loading what `openAddon` throws */
export function loadLoader(packageRoot: string): Loader {
  const file = findLoader(packageRoot);
  if (file === null) throw notBuilt(packageRoot);
  return openAddon(file) as Loader;
}

export function notBuilt(packageRoot: string): TorchTlError {
  return new TorchTlError(
    'ENGINE_NOT_BUILT',
    `There is no engine for ${process.platform}-${process.arch} in ${packageRoot}: none came with the package. ` +
      'Build one with `npx torch-tl build`, which needs CMake and a C++20 compiler.',
  );
}
