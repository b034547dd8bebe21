import { readdirSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { builtMinors, cudaMinors } from '../addon/engines.ts';
import { refuseMusl } from '../addon/platform.ts';
import { withoutSecrets } from '../download/download.ts';
import { TorchTlError } from '../errors.ts';
import { makeDirectory } from '../files/atomic-file.ts';
import { cacheDirectory } from '../support/cache-directory.ts';
import { unwritable } from '../support/files.ts';
import { size } from '../support/format.ts';
import { packageRoot } from '../support/package-root.ts';
import { type ArchiveControl, archiveMirror, archiveUrl, fetchArchive } from './archive.ts';
import { type CacheLock, lockCache, removeFromCache } from './cache.ts';
import { requireSpace } from './disk-space.ts';
import { cachedRoot, inspectLibTorch, type LibTorch } from './locate.ts';
import { findNvidiaDriver } from './nvidia.ts';
import { findPip, pipInstall } from './pip.ts';
import { type ChosenRelease, chooseRelease, type ReleaseRequest } from './releases.ts';
import { loadProblemOf } from './trial.ts';
import { DEFAULT_VERSION, fullVersion, type LibTorchVersion, SUPPORTED_MINORS } from './version.ts';

/** Approximate sizes in bytes; those of a CUDA build include NVIDIA's libraries. */
const SIZES = {
  cpu: { download: 0.2e9, unpacked: 0.75e9 },
  cuda: { download: 2.7e9, unpacked: 5.5e9 },
};

export interface InstallControl {
  /** Receives lines about each step; prints to stderr by default. */
  print?: (line: string) => void;
  /** Receives the progress of the archive's download in bytes; pip shows its own progress. */
  onProgress?: (done: number, total: number | null) => void;
  signal?: AbortSignal;
}

export interface InstallRequest extends ReleaseRequest {
  /** Whether to download the LibTorch again if it is already in the cache. */
  force?: boolean;
}

/**
 * Installs a LibTorch into the cache, unless it is already there: PyTorch's wheel through the user's pip, else the
 * official archive. If `TORCH_TL_LIBTORCH_URL` names a mirror, its archive is used. Only one process installs at a
 * time. The download goes to a temporary directory, is checked, loaded once in a child process, and then renamed.
 *
 * @throws InputError `INVALID_ARGUMENT`; TorchTlError `LIBTORCH_INSTALL_FAILED`, `DOWNLOAD_FAILED`, `WRITE_FAILED`,
 *   `MUSL_UNSUPPORTED`, `ENGINE_NOT_BUILT` if the loader addon is missing; the signal's reason after an abort
 */
export async function installLibTorch(
  request: InstallRequest = {},
  { print = (line) => console.error(line), onProgress, signal }: InstallControl = {},
): Promise<LibTorch> {
  refuseMusl();
  const { release, reason } = chooseInstallation(request);
  print(`Chose LibTorch ${fullVersion(release)}: ${reason}.`);
  const cached = request.force ? null : inCache(release);
  if (cached) return cached;

  const onWait = () =>
    print(`Another process is changing the LibTorches in ${cacheDirectory()}; waiting for it.`);
  const lock = await lockCache(onWait, signal);
  try {
    // The previous holder of the lock may have installed it.
    const fromOther = request.force ? null : inCache(release);
    return fromOther ?? (await install({ release, print, onProgress, signal }, lock));
  } catch (cause) {
    throw unwritable(cachedRoot(fullVersion(release)), cause);
  } finally {
    lock.release();
  }
}

/** The LibTorch that `installLibTorch` would install for a request. Throws InputError as it does. */
export function chooseInstallation(request: ReleaseRequest): ChosenRelease {
  return chooseRelease(request, {
    engines: builtMinors(packageRoot),
    cudaEngines: cudaMinors(packageRoot),
    driver: findNvidiaDriver(),
  });
}

/** Approximate number of bytes to download, and of bytes on disk afterwards. */
export function installationSize({ cuda }: LibTorchVersion): { download: number; unpacked: number } {
  return cuda === null ? SIZES.cpu : SIZES.cuda;
}

interface Installation extends ArchiveControl {
  release: LibTorchVersion;
  print: (line: string) => void;
}

async function install(installation: Installation, lock: CacheLock): Promise<LibTorch> {
  const { release, print } = installation;
  const { download, unpacked } = installationSize(release);
  await requireSpace(cacheDirectory(), download + unpacked);
  const temporary = lock.temporary('installing');
  const packages = join(temporary, 'packages');
  await makeDirectory(packages);

  const python = archiveMirror() === undefined ? findPip() : undefined;
  const origin =
    python === undefined ? withoutSecrets(archiveUrl(release)) : `PyTorch's wheel through pip (of ${python})`;
  const sizes = `about ${size(download)} to download and ${size(unpacked)} on disk`;
  print(`Downloading ${origin}, ${sizes}, into ${cachedRoot(fullVersion(release))}`);
  if (python === undefined) {
    await fetchArchive(release, packages, installation);
  } else {
    await fetchWheel(python, temporary, installation);
  }
  const fetched = await check(join(packages, 'torch'), installation);
  await syncToDisk(packages, fetched);
  return putInPlace(packages, release, lock);
}

async function fetchWheel(
  python: string,
  temporary: string,
  { release, print, signal }: Installation,
): Promise<void> {
  const scratch = join(temporary, 'scratch');
  await mkdir(scratch);
  const problem = await pipInstall(python, {
    ...wheelOf(release),
    packages: join(temporary, 'packages'),
    scratch,
    print,
    signal,
  });
  if (problem !== null) throw failed(`pip (of ${python}) failed:\n${problem}\n`);
}

/**
 * The requirement for pip. On Linux the plain version is PyPI's CUDA build, which mirrors of PyPI have too; pip prefers
 * the wheel with the compute platform in its version if it finds both. macOS has only one build.
 */
function wheelOf({ version, variant, cuda }: LibTorchVersion) {
  const extraIndex = process.platform === 'darwin' ? null : `https://download.pytorch.org/whl/${variant}`;
  const isPlain = cuda !== null || process.platform === 'darwin';
  return {
    requirement: `torch==${version}${isPlain ? '' : `+${variant}`}`,
    extraIndex,
    // A CUDA build needs NVIDIA's packages; a CPU build needs no dependencies.
    withDependencies: cuda !== null,
  };
}

/** Checks that the LibTorch in `root` is complete, is the requested version and loads. */
async function check(root: string, { release, signal }: Installation): Promise<LibTorch> {
  const inspection = inspectLibTorch(root, SUPPORTED_MINORS);
  if (!inspection.libtorch) throw failed(`The download cannot be used: ${inspection.reason}.`);
  const [found, wanted] = [fullVersion(inspection.libtorch), fullVersion(release)];
  if (found !== wanted) throw failed(`The download is LibTorch ${found} instead of ${wanted}.`);
  const problem = await loadProblemOf(root, signal);
  if (problem !== null) throw failed(`The downloaded LibTorch does not load: ${problem}`);
  return inspection.libtorch;
}

/** Syncs the files, so that a power cut after the rename cannot leave empty files in the cache. */
async function syncToDisk(packages: string, { root }: LibTorch): Promise<void> {
  const libraries = readdirSync(packages, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(so|dylib|dll)(\.|$)/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  const versions = readdirSync(root).filter((name) => name === 'version.py' || name === 'build-version');
  for (const path of [...versions.map((name) => join(root, name)), ...libraries]) {
    const file = await open(path, 'r+');
    await file.sync().finally(() => file.close());
  }
}

async function putInPlace(packages: string, release: LibTorchVersion, lock: CacheLock): Promise<LibTorch> {
  const root = cachedRoot(fullVersion(release));
  await removeFromCache(dirname(root), lock);
  await rename(packages, dirname(root));
  const installed = inCache(release);
  if (installed === null) throw failed(`Another program has changed ${root} in the meantime.`);
  return installed;
}

function inCache(release: LibTorchVersion): LibTorch | null {
  return inspectLibTorch(cachedRoot(fullVersion(release)), [release.minor]).libtorch;
}

function failed(problem: string): TorchTlError {
  return new TorchTlError('LIBTORCH_INSTALL_FAILED', [
    // pip's output has several lines.
    ...`LibTorch could not be installed. ${problem}`.split('\n'),
    'Use one of these:',
    '  TORCH_TL_LIBTORCH_URL=https://download.pytorch.org/libtorch  installs the official archive, or that of a mirror, without pip',
    `  pip install torch==${DEFAULT_VERSION}  for the Python on PATH or in the active virtual environment`,
    '  TORCH_TL_LIBTORCH=DIR  names an unpacked LibTorch, or the torch directory of a Python wheel',
    '  TORCH_TL_CACHE=DIR  names a cache that was filled on a machine with a network',
  ]);
}
