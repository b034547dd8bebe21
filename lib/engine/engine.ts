import { builtMinors, findEngine } from '../addon/engines.ts';
import { openAddon } from '../addon/load-problem.ts';
import { notBuilt } from '../addon/loader.ts';
import { TorchTlError } from '../errors.ts';
import { loadLibTorch } from '../libtorch/load.ts';
import { fullVersion } from '../libtorch/version.ts';
import { packageRoot } from '../support/package-root.ts';
import type { Engine } from './native.ts';

/*
 * The only file that knows that the engine is native. It loads LibTorch through the loader addon
 * (which needs no LibTorch itself), then the engine that was built for that minor version.
 */

interface EngineAddon extends Omit<Engine, 'libtorch'> {
  /** The class of the errors that the engine throws and rejects with. */
  setErrorClass(errorClass: typeof TorchTlError): void;
  /** Ends the engine's thread within a batch. */
  shutDown(): void;
}

let engine: Engine | undefined;

/**
 * The native engine, loaded on the first call.
 *
 * @throws TorchTlError what `loadLibTorch` and `openAddon` throw, or `LIBTORCH_VERSION` where the engine does not fit
 *   the LibTorch that was loaded
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
    // process.exit() runs no cleanup hooks: LibTorch's own statics would be destroyed under a running thread.
    process.once('exit', () => addon.shutDown());
    return Object.assign(addon, { libtorch: version });
  } catch (cause) {
    if (cause instanceof TorchTlError) throw cause;
    throw new TorchTlError(
      'LIBTORCH_VERSION',
      `The engine for LibTorch ${libtorch.minor} does not load beside the LibTorch ${version} in ${libtorch.root}: ` +
        `${(cause as Error).message}. Build it anew with \`npx torch-tl build\`.`,
      { cause },
    );
  }
}
