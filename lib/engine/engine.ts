import { builtMinors, findEngine } from '../addon/engines.ts';
import { openAddon } from '../addon/load-problem.ts';
import { notBuilt } from '../addon/loader.ts';
import { TorchTlError } from '../errors.ts';
import { loadLibTorch } from '../libtorch/load.ts';
import { fullVersion } from '../libtorch/version.ts';
import { packageRoot } from '../support/package-root.ts';
import type { Engine } from './native.ts';

/*
 * Loads the native engine: first LibTorch through the loader addon, which needs no LibTorch itself, then the engine
 * built for that minor version. Nothing else in lib/ knows that the engine is native.
 */

interface EngineAddon extends Omit<Engine, 'libtorch'> {
  /** Sets the class of the errors that the engine throws and rejects with. */
  setErrorClass(errorClass: typeof TorchTlError): void;
  /** Ends the engine's thread after the current batch at the latest. */
  shutDown(): void;
}

let engine: Engine | undefined;

/**
 * The native engine, loaded on the first call.
 *
 * @throws TorchTlError errors of `loadLibTorch` and `openAddon`; `LIBTORCH_VERSION` if the engine does not load with
 *   the LibTorch that was found
 */
export function loadEngine(): Engine {
  engine ??= openEngine();
  return engine;
}

function openEngine(): Engine {
  const libtorch = loadLibTorch(packageRoot, builtMinors(packageRoot));
  const version = fullVersion(libtorch);
  const file = findEngine(packageRoot, libtorch.minor);
  if (file === null) throw notBuilt(packageRoot);
  try {
    const addon = openAddon(file) as EngineAddon;
    addon.setErrorClass(TorchTlError);
    // process.exit() runs no cleanup hooks, so LibTorch's statics would be destroyed under a running thread.
    process.once('exit', () => addon.shutDown());
    return Object.assign(addon, { libtorch: version });
  } catch (cause) {
    if (cause instanceof TorchTlError) throw cause;
    throw new TorchTlError(
      'LIBTORCH_VERSION',
      `The engine for LibTorch ${libtorch.minor} does not load with the LibTorch ${version} in ${libtorch.root}: ` +
        `${(cause as Error).message}. Rebuild it with \`npx torch-tl build\`.`,
      { cause },
    );
  }
}
