import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { TorchTlError } from '../errors.ts';

interface NodeGypBuild {
  (directory: string): unknown;
  /** The file it would load. */
  path(directory: string): string;
}

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

const nodeGypBuild = createRequire(import.meta.url)('node-gyp-build') as NodeGypBuild;

/** @throws TorchTlError `ENGINE_NOT_BUILT` */
export function loadLoader(packageRoot: string): Loader {
  if (!hasAddon(packageRoot)) throw notBuilt(packageRoot);
  return nodeGypBuild(packageRoot) as Loader;
}

/** Whether an addon for this machine was built in a directory. */
export function hasAddon(directory: string): boolean {
  try {
    return existsSync(nodeGypBuild.path(directory));
  } catch {
    return false;
  }
}

export function notBuilt(packageRoot: string): TorchTlError {
  return new TorchTlError(
    'ENGINE_NOT_BUILT',
    `The engine is not built for ${process.platform}-${process.arch} in ${packageRoot}. ` +
      'Build it there with `npx torch-tl build`, which needs CMake and a C++20 compiler.',
  );
}
