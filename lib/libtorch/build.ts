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
  /** Whether to skip the build if the last one used the same sources and the same LibTorch. */
  ifStale: boolean;
  /** Whether to show the output of CMake and the compiler even if they succeed. */
  verbose: boolean;
  signal?: AbortSignal;
}

/**
 * Builds the loader and the engine from the package's sources, into the checkout, or into the cache for an installed
 * package. The LibTorch is the one in `TORCH_TL_LIBTORCH`, else one of the default version (in a checkout) or the first
 * supported one (for an installed package). If there is none, the default one is downloaded. Reports each step on
 * stderr.
 *
 * @throws TorchTlError `BUILD_FAILED`; errors of `installLibTorch`; `LIBTORCH_NOT_FOUND`, `LIBTORCH_VERSION` or
 *   `LIBTORCH_INCOMPLETE` for the LibTorch in `TORCH_TL_LIBTORCH`; the signal's reason after an abort, which leaves what was
 *   compiled to the next build
 */
export async function buildEngine(options: BuildOptions): Promise<void> {
  refuseMusl();
  const present = libTorchToBuildFor();
  if (options.ifStale && present && isFresh(present)) return;
  checkTools();
  const libtorch = present ?? (await fetchLibTorch(options));
  checkHeaders(libtorch);
  const { output, stamp } = placesOf(libtorch);
  console.error(
    `Building the engine for LibTorch ${fullVersion(libtorch)} in ${libtorch.root} into ${output} (takes a few minutes)`,
  );
  const started = Date.now();
  rmSync(stamp, { force: true });
  // Before the build: a source that changes meanwhile may not be in it.
  const fingerprint = fingerprintOf(libtorch);
  await runCmakeJs(output, [`--CDTORCH_TL_LIBTORCH=${libtorch.root}`], options);
  await writeFileAtomically(stamp, [Buffer.from(fingerprint)]);
  console.error(`The engine was built in ${Math.round((Date.now() - started) / 1000)} s.`);
}

/** The LibTorch to build for, or null if none is installed. */
function libTorchToBuildFor(): LibTorch | null {
  const named = process.env.TORCH_TL_LIBTORCH;
  if (named) return namedLibTorch(resolve(named));
  return findLibTorch(isCheckout(packageRoot) ? [DEFAULT_MINOR] : SUPPORTED_MINORS);
}

async function fetchLibTorch(options: BuildOptions): Promise<LibTorch> {
  console.error('This machine has no LibTorch yet to build the engine against.');
  if (findLoader(packageRoot) === null) {
    // Installing needs the loader for the lock on the cache.
    await runCmakeJs(join(buildDirectory(packageRoot), 'build', 'loader'), [], options);
  }
  return installLibTorch({ version: DEFAULT_MINOR, build: 'cpu' }, options);
}

function namedLibTorch(root: string): LibTorch {
  const inspection = inspectLibTorch(root, SUPPORTED_MINORS);
  if (inspection.libtorch) return inspection.libtorch;
  throw new TorchTlError(
    inspection.code,
    `TORCH_TL_LIBTORCH names ${root}, which cannot be built against: ${inspection.reason}. Name a LibTorch ` +
      `${listMinors(SUPPORTED_MINORS)}, or unset the variable; then LibTorch ${DEFAULT_MINOR} is found or downloaded.`,
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

/** Hash of everything that determines a build: the sources and the LibTorch. */
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
  // Only a checkout has test/native, the checks of the kernels, which are built with the engine.
  const native = ['native', join('test', 'native')]
    .map((folder) => join(packageRoot, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(packageRoot.length + 1));
  return ['CMakeLists.txt', ...native.sort()];
}

/** Configures and builds CMakeLists.txt with the given settings in the directory `output`. */
async function runCmakeJs(
  output: string,
  settings: string[],
  { verbose, signal }: BuildOptions,
): Promise<void> {
  const loader = join(buildDirectory(packageRoot), 'build', 'Release');
  const all = [
    '--out',
    output,
    '--config',
    'Release',
    `--CDTORCH_TL_LOADER_DIRECTORY=${loader}`,
    // CMake's cache may hold the sanitizers of a build for debugging.
    '--CDTORCH_TL_SANITIZE=OFF',
    ...settings,
  ];
  // `cmake-js compile` keeps the LibTorch of an earlier build and starts over after every compiler error.
  for (const command of ['configure', 'build']) {
    const args = [cmakeJs(), command, '--directory', packageRoot, ...all];
    const { exitCode, output: text } = await runProgram(process.execPath, args, { show: verbose, signal });
    if (exitCode === 0) continue;
    if (!verbose) process.stderr.write(text);
    throw new TorchTlError(
      'BUILD_FAILED',
      'The engine could not be built; the output of CMake or the compiler above says why.',
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
      'Name a complete one with TORCH_TL_LIBTORCH=DIR.',
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
      ? '`xcode-select --install` installs the compiler, `brew install cmake ninja` the rest'
      : 'on Debian and Ubuntu `sudo apt-get install g++ cmake ninja-build` installs all of them';
  throw new TorchTlError(
    'BUILD_FAILED',
    `Building the engine needs programs that are not on PATH: ${missing.join(', ')}; ${remedy}.`,
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
