import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { refuseMusl } from '../addon/platform.ts';
import { type ErrorCode, TorchTlError } from '../errors.ts';
import { cacheDirectory } from '../support/cache-directory.ts';
import { librariesToLoad, ownLibraries } from './preload.ts';
import { findPythonTorches } from './python.ts';
import { fullVersion, type LibTorchVersion, readLibTorchVersion, SUPPORTED_MINORS } from './version.ts';

/** A complete LibTorch of a usable version. */
export interface LibTorch extends LibTorchVersion {
  /** The directory that holds lib and include. */
  root: string;
  /** Absolute paths of the libraries to load before the engine, in order. */
  libraries: string[];
}

/** A place that was searched for LibTorch. */
export interface Candidate {
  /** An environment variable, `Python (interpreter)` or `cache`. */
  source: string;
  /** Directory of the LibTorch, which may be missing or unusable; null if the place names none. */
  root: string | null;
  /** Such as `2.13.0+cpu`; null if unknown. */
  version: string | null;
  /** True for the LibTorch that is used. */
  accepted: boolean;
  /** Why it is used or not. */
  reason: string;
}

interface Place {
  source: string;
  root: string | null;
  /** Why the place has no LibTorch. */
  problem?: string;
  /** Whether a Python did not answer in time, so that it may still have a torch. */
  isUndecided?: boolean;
}

/** Result of inspecting a directory: a usable LibTorch, or the reason why there is none. */
export type Inspection =
  | { libtorch: LibTorch }
  | { libtorch: null; version: LibTorchVersion | null; code: ErrorCode; reason: string };

/**
 * Finds the first LibTorch of one of the given minor versions. Search order: `TORCH_TL_LIBTORCH`, `LIBTORCH`, Python's
 * torch, torch-tl's cache. The search stops at the first match.
 *
 * @param pythonSeconds how long to wait for the answer of a Python
 * @throws TorchTlError `MUSL_UNSUPPORTED` on musl; `PYTHON_TOO_SLOW`; without a match, the code of the first rejected
 *   LibTorch (`LIBTORCH_VERSION`, `LIBTORCH_INCOMPLETE`), or `LIBTORCH_NOT_FOUND` if there is none
 */
export function locateLibTorch(minors: readonly string[], pythonSeconds?: number): LibTorch {
  refuseMusl();
  const rejected: Rejected[] = [];
  for (const place of places(pythonSeconds)) {
    const inspection = inspectPlace(place, minors);
    if (inspection.libtorch) return inspection.libtorch;
    // Searching on could silently choose a LibTorch other than the usual one.
    if (place.isUndecided) throw tooSlow(place);
    rejected.push({ place, code: inspection.code, reason: inspection.reason });
  }
  throw notFound(rejected, minors);
}

/** As `locateLibTorch`, but returns null if there is no match. */
export function findLibTorch(minors: readonly string[]): LibTorch | null {
  for (const place of places()) {
    const { libtorch } = inspectPlace(place, minors);
    if (libtorch) return libtorch;
  }
  return null;
}

/** Every place in the search order, with what was found there and why it is used or not. */
export function findCandidates(minors: readonly string[]): Candidate[] {
  let taken: string | undefined;
  return [...places()].map((place) => {
    const inspection = inspectPlace(place, minors);
    const version = inspection.libtorch ?? inspection.version;
    const accepted = inspection.libtorch !== null && taken === undefined;
    const reason = inspection.libtorch === null ? inspection.reason : matchReason(taken);
    if (accepted) taken = place.source;
    return {
      source: place.source,
      root: place.root,
      version: version && fullVersion(version),
      accepted,
      reason,
    };
  });
}

/** Checks whether `root` holds a complete LibTorch of one of the given minor versions. */
export function inspectLibTorch(root: string, minors: readonly string[]): Inspection {
  const reject = (code: ErrorCode, reason: string, version: LibTorchVersion | null = null): Inspection => ({
    libtorch: null,
    version,
    code,
    reason,
  });
  if (!existsSync(root)) return reject('LIBTORCH_NOT_FOUND', 'there is no such directory');

  const version = readLibTorchVersion(root);
  if (version === null) {
    return reject(
      'LIBTORCH_NOT_FOUND',
      `it is not a LibTorch: it has no version in build-version or version.py${hint(root)}`,
    );
  }
  if (!minors.includes(version.minor)) {
    return reject('LIBTORCH_VERSION', `version ${version.minor} is not ${listMinors(minors)}`, version);
  }
  const missing = ownLibraries(root, version).find((library) => !existsSync(library));
  if (missing) {
    return reject('LIBTORCH_INCOMPLETE', `it is incomplete: lib/${basename(missing)} is missing`, version);
  }
  return { libtorch: { ...version, root, libraries: librariesToLoad(root, version) } };
}

/** The cache directory into which `installLibTorch` puts a version, such as `2.13.0+cpu`. */
export function cachedRoot(version: string): string {
  return join(cacheDirectory(), `libtorch-${version}`, 'torch');
}

function* places(pythonSeconds?: number): Generator<Place> {
  for (const name of ['TORCH_TL_LIBTORCH', 'LIBTORCH']) {
    const value = process.env[name];
    if (value) yield { source: name, root: resolve(value) };
  }
  for (const { python, root, problem, isUndecided } of findPythonTorches(pythonSeconds)) {
    yield { source: `Python (${python})`, root, problem, isUndecided };
  }
  yield* cachedPlaces();
}

/** Newest first. Of the same version, CUDA builds come first, since they support CPUs too. */
function cachedPlaces(): Place[] {
  const cache = cacheDirectory();
  const versions = existsSync(cache) ? readdirSync(cache).filter((name) => /^libtorch-\d/.test(name)) : [];
  if (versions.length === 0) return [{ source: 'cache', root: null, problem: `${cache} contains none` }];
  return versions
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => ({ source: 'cache', root: join(cache, name, 'torch') }));
}

function inspectPlace({ root, problem }: Place, minors: readonly string[]): Inspection {
  if (root !== null) return inspectLibTorch(root, minors);
  return {
    libtorch: null,
    version: null,
    code: 'LIBTORCH_NOT_FOUND',
    reason: problem ?? 'it names no LibTorch',
  };
}

function matchReason(taken: string | undefined): string {
  return taken === undefined ? 'the first match' : `it also matches, but ${taken} comes first`;
}

function hint(root: string): string {
  const nested = ['torch', 'libtorch'].map((name) => join(root, name)).find(readLibTorchVersion);
  return nested ? ` (did you mean ${nested}?)` : '';
}

interface Rejected {
  place: Place;
  code: ErrorCode;
  reason: string;
}

function notFound(rejected: Rejected[], minors: readonly string[]): TorchTlError {
  const places = rejected.map(({ place: { source, root }, reason }) => {
    return `  ${root === null ? source : `${source}: ${root}`}: ${reason}`;
  });
  const cause = rejected.find(({ place }) => place.root !== null);
  return new TorchTlError(cause?.code ?? 'LIBTORCH_NOT_FOUND', [
    `No LibTorch ${listMinors(minors)} was found. Searched in this order:`,
    ...places,
    ...remedies(minors),
  ]);
}

function tooSlow({ source, problem }: Place): TorchTlError {
  return new TorchTlError(
    'PYTHON_TOO_SLOW',
    `Cannot find out whether ${source} has torch: ${problem}. Try again when the machine is less busy, or name a ` +
      'LibTorch with TORCH_TL_LIBTORCH=DIR; then no Python is started.',
  );
}

function remedies(minors: readonly string[]): string[] {
  return [
    'Use one of these:',
    `  npx torch-tl libtorch install  downloads LibTorch into torch-tl's cache`,
    `  TORCH_TL_LIBTORCH=DIR  names an unpacked LibTorch ${listMinors(minors)}, or the torch directory of a Python wheel`,
    `  pip install torch==${minors[0]}.0  for the Python on PATH or in the active virtual environment`,
    `  npx torch-tl build  builds the engine for an installed LibTorch ${listMinors(SUPPORTED_MINORS)}`,
  ];
}

/** `2.13`, or `2.12 or 2.13`, or `2.11, 2.12 or 2.13`. */
export function listMinors(minors: readonly string[]): string {
  return [minors.slice(0, -1).join(', '), minors.at(-1)].filter(Boolean).join(' or ');
}
