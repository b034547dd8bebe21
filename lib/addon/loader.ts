import { TorchTlError } from '../errors.ts';
import { findLoader } from './engines.ts';
import { openAddon } from './load-problem.ts';

/** The loader addon, which needs no LibTorch. */
export interface Loader {
  /** Loads a shared library by absolute path. Throws an error with the system's message. */
  load(path: string): void;
  /**
   * Locks an open file until its descriptor is closed. Returns false if another descriptor holds the lock. Throws an
   * error with the system's message.
   */
  lock(descriptor: number): boolean;
}

/** @throws TorchTlError `ENGINE_NOT_BUILT` if there is no loader; errors of `openAddon` */
export function loadLoader(packageRoot: string): Loader {
  const file = findLoader(packageRoot);
  if (file === null) throw notBuilt(packageRoot);
  return openAddon(file) as Loader;
}

export function notBuilt(packageRoot: string): TorchTlError {
  return new TorchTlError(
    'ENGINE_NOT_BUILT',
    `The package in ${packageRoot} contains no engine for ${process.platform}-${process.arch}. ` +
      'Build one with `npx torch-tl build`, which needs CMake and a C++20 compiler.',
  );
}
