import { findEngine } from '../addon/engines.ts';
import { openAddon } from '../addon/load-problem.ts';
import { loadLoader } from '../addon/loader.ts';
import { packageRoot } from '../support/package-root.ts';
import { loadLibraries } from './load.ts';
import { inspectLibTorch } from './locate.ts';
import { SUPPORTED_MINORS } from './version.ts';

/*
 * The program that trial.ts runs as a child process. It loads the LibTorch in the directory given as its argument, and
 * the engine for it if there is one. Errors go to stderr.
 */

const [root = ''] = process.argv.slice(2);
try {
  const { libtorch } = inspectLibTorch(root, SUPPORTED_MINORS);
  if (libtorch === null) throw new Error(`there is no LibTorch in ${root}`);
  loadLibraries(loadLoader(packageRoot), libtorch);
  const engine = findEngine(packageRoot, libtorch.minor);
  if (engine) openAddon(engine);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
