import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, resolve } from 'node:path';
import { buildDirectory, builtMinors, findLoader, isCheckout } from '../addon/engines.ts';
import { refuseMusl } from '../addon/platform.ts';
import { TorchTlError } from '../errors.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { packageRoot } from '../support/package-root.ts';
import { installLibTorch } from './install.ts';
import { findLibTorch, inspectLibTorch, type LibTorch, listMinors } from './locate.ts';
import { runProgram } from './subprocess.ts';
import { DEFAULT_MINOR, fullVersion, SUPPORTED_MINORS } from './version.ts';

export interface BuildOptions {
  /** Does nothing where the last build was of the same sources and the same LibTorch. */
  ifStale: boolean;
  /** Shows all that CMake and the compiler print, not only when they fail. */
  verbose: boolean;
}

/**
 * Builds the loader and the engine from the package's own sources: in a checkout beside them, for an installed
 * package in the cache. For the LibTorch that `TORCH_TL_LIBTORCH` names; else, in a checkout, for one of the default
 * version, and for an installed package for the first one that there is. Where there is none the default
 * one is fetched. Says on stderr what it does.
 *
 * @throws TorchTlError `BUILD_FAILED`; what `installLibTorch` throws; by what is wrong with the one that
 *   `TORCH_TL_LIBTORCH` names `LIBTORCH_NOT_FOUND`, `LIBTORCH_VERSION`, `LIBTORCH_INCOMPLETE`
 */
export async function buildEngine({ ifStale, verbose }: BuildOptions): Promise<void> {
  refuseMusl();
  const present = libTorchToBuildFor();
  if (ifStale && present && isFresh(present)) return;
  checkTools();
  const libtorch = present ?? (await fetchLibTorch(verbose));
  checkHeaders(libtorch);
  const { output, stamp } = placesOf(libtorch);
  console.error(
    `Building the engine for LibTorch ${fullVersion(libtorch)} in ${libtorch.root} into ${output} (takes some minutes)`,
  );
  const started = Date.now();
  rmSync(stamp, { force: true });
  await runCmakeJs(output, [`--CDTORCH_TL_LIBTORCH=${libtorch.root}`], verbose);
  await writeFileAtomically(stamp, [Buffer.from(fingerprintOf(libtorch))]);
  console.error(`The engine is built, in ${Math.round((Date.now() - started) / 1000)} s.`);
}

/** Null where there is none yet. */
function libTorchToBuildFor(): LibTorch | null {
  const named = process.env.TORCH_TL_LIBTORCH;
  if (named) return namedLibTorch(resolve(named));
  return findLibTorch(isCheckout(packageRoot) ? [DEFAULT_MINOR] : SUPPORTED_MINORS);
}

async function fetchLibTorch(verbose: boolean): Promise<LibTorch> {
  console.error('There is no LibTorch to build the engine against on this machine yet.');
  if (findLoader(packageRoot) === null) {
    // Locks on the cache are the loader's.
    await runCmakeJs(join(buildDirectory(packageRoot), 'build', 'loader'), [], verbose);
  }
  return installLibTorch({ version: DEFAULT_MINOR, build: 'cpu' });
}

function namedLibTorch(root: string): LibTorch {
  const inspection = inspectLibTorch(root, SUPPORTED_MINORS);
  if (inspection.libtorch) return inspection.libtorch;
  throw new TorchTlError(
    inspection.code,
    `TORCH_TL_LIBTORCH names ${root}, which cannot be built against: ${inspection.reason}. Name a LibTorch ` +
      `${listMinors(SUPPORTED_MINORS)}, or unset it, and LibTorch ${DEFAULT_MINOR} is found or fetched.`,
  );
}

function isFresh(libtorch: LibTorch): boolean {
  if (findLoader(packageRoot) === null || !builtMinors(packageRoot).includes(libtorch.minor)) return false;
  return readText(placesOf(libtorch).stamp) === fingerprintOf(libtorch);
}

function placesOf({ minor }: LibTorch): { output: string; stamp: string } {
  const output = join(buildDirectory(packageRoot), `libtorch-${minor}`, 'build');
  return { output, stamp: join(output, 'stamp') };
}

/** Of all that decides what a build gives: the sources and the LibTorch. */
function fingerprintOf(libtorch: LibTorch): string {
  const hash = createHash('sha256');
  hash.update(`${libtorch.root}\n${fullVersion(libtorch)}\n`);
  for (const name of sources())
    hash
      .update(`${name}\n`)
      .update(readFileSync(join(packageRoot, name)))
      .update('\n');
  return `${hash.digest('hex')}\n`;
}

function sources(): string[] {
  const native = readdirSync(join(packageRoot, 'native'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(packageRoot.length + 1));
  return ['CMakeLists.txt', ...native.sort()];
}

/** Builds what CMakeLists.txt makes of some settings in a directory. */
async function runCmakeJs(output: string, settings: string[], verbose: boolean): Promise<void> {
  const loader = join(buildDirectory(packageRoot), 'build', 'Release');
  const all = [
    '--out',
    output,
    '--config',
    'Release',
    `--CDTORCH_TL_LOADER_DIRECTORY=${loader}`,
    ...settings,
  ];
  // `cmake-js compile` keeps the LibTorch of an earlier build and starts over after every compiler error.
  for (const command of ['configure', 'build']) {
    const args = [cmakeJs(), command, '--directory', packageRoot, ...all];
    const { exitCode, output: text } = await runProgram(process.execPath, args, { show: verbose });
    if (exitCode === 0) continue;
    if (!verbose) process.stderr.write(text);
    throw new TorchTlError(
      'BUILD_FAILED',
      'The engine could not be built: see above what CMake or the compiler says.',
    );
  }
}

function cmakeJs(): string {
  const manifest = createRequire(import.meta.url).resolve('cmake-js/package.json');
  return join(dirname(manifest), 'bin', 'cmake-js');
}

function checkHeaders({ root }: LibTorch): void {
  if (existsSync(join(root, 'include', 'ATen', 'ATen.h'))) return;
  throw new TorchTlError(
    'BUILD_FAILED',
    `The LibTorch in ${root} has no headers (include/ATen/ATen.h), which building the engine needs. ` +
      'Name a whole one with TORCH_TL_LIBTORCH=DIR.',
  );
}

function checkTools(): void {
  if (process.platform === 'win32') return;
  const missing = [
    ...(isOnPath('cmake') ? [] : ['CMake']),
    ...(['g++', 'clang++'].some(isOnPath) ? [] : ['a C++20 compiler (g++ or clang++)']),
    ...(['ninja', 'make'].some(isOnPath) ? [] : ['Ninja or make']),
  ];
  if (missing.length === 0) return;
  const remedy =
    process.platform === 'darwin'
      ? '`xcode-select --install` gives the compiler, `brew install cmake ninja` the rest'
      : 'on Debian and Ubuntu `sudo apt-get install g++ cmake ninja-build` gives all of it';
  throw new TorchTlError(
    'BUILD_FAILED',
    `Building the engine needs these, not found on PATH: ${missing.join(', ')}; ${remedy}.`,
  );
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
