import { readdirSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { builtMinors, cudaMinors } from '../addon/engines.ts';
import { refuseMusl } from '../addon/platform.ts';
import { withoutSecrets } from '../download/download.ts';
import { TorchTlError } from '../errors.ts';
import { cacheDirectory } from '../support/cache-directory.ts';
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

/** Bytes, about; those of a build with CUDA include NVIDIA's libraries. */
const SIZES = {
  cpu: { download: 0.2e9, unpacked: 0.75e9 },
  cuda: { download: 2.7e9, unpacked: 5.5e9 },
};

export interface InstallControl {
  /** Takes a line on what is done; stderr unless given. */
  print?: (line: string) => void;
  /** Of the archive; pip shows its own. Bytes. */
  onProgress?: (done: number, total: number | null) => void;
  signal?: AbortSignal;
}

export interface InstallRequest extends ReleaseRequest {
  /** Fetches it anew where it is in the cache already. */
  force?: boolean;
}

/**
 * Puts a LibTorch into the cache, unless it is there: PyTorch's wheel through the user's own pip, else the official
 * archive, which is also what a mirror has that `TORCH_TL_LIBTORCH_URL` names. One process at a time does so. It is fetched
 * to a temporary directory, checked, loaded once in a process of its own, and renamed when whole.
 *
 * @throws InputError `INVALID_ARGUMENT`; TorchTlError `LIBTORCH_INSTALL_FAILED`, `DOWNLOAD_FAILED`, `WRITE_FAILED`,
 *   `MUSL_UNSUPPORTED`, `ENGINE_NOT_BUILT` where the loader addon is missing; the signal's reason
 */
export async function installLibTorch(
  request: InstallRequest = {},
  { print = (line) => console.error(line), onProgress, signal }: InstallControl = {},
): Promise<LibTorch> {
  refuseMusl();
  const { release, reason } = chooseInstallation(request);
  print(`LibTorch ${fullVersion(release)}, since ${reason}.`);
  const cached = request.force ? null : inCache(release);
  if (cached) return cached;

  const onWait = () =>
    print(`Another process changes the LibTorches in ${cacheDirectory()}; waiting for it.`);
  const lock = await lockCache(onWait, signal);
  try {
    // Whoever held the lock may have installed it.
    const fromOther = request.force ? null : inCache(release);
    return fromOther ?? (await install({ release, print, onProgress, signal }, lock));
  } finally {
    lock.release();
  }
}

/** What `installLibTorch` installs on this machine. Throws as it does for what is asked for. */
export function chooseInstallation(request: ReleaseRequest): ChosenRelease {
  return chooseRelease(request, {
    engines: builtMinors(packageRoot),
    cudaEngines: cudaMinors(packageRoot),
    driver: findNvidiaDriver(),
  });
}

/** About how many bytes are downloaded, and how many lie on the disk afterwards. */
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
  await mkdir(packages, { recursive: true });

  const python = archiveMirror() === undefined ? findPip() : undefined;
  const origin =
    python === undefined ? withoutSecrets(archiveUrl(release)) : `PyTorch's wheel through pip (of ${python})`;
  const sizes = `about ${size(download)} to download and ${size(unpacked)} on the disk`;
  print(`Fetching ${origin}, ${sizes}, into ${cachedRoot(fullVersion(release))}`);
  if (python === undefined) {
    await fetchArchive(release, packages, installation);
  } else {
    await fetchWheel(python, temporary, installation, lock);
  }
  const fetched = await check(join(packages, 'torch'), release);
  await syncToDisk(packages, fetched);
  return putInPlace(packages, release, lock);
}

async function fetchWheel(
  python: string,
  temporary: string,
  { release, print }: Installation,
  lock: CacheLock,
): Promise<void> {
  const scratch = join(temporary, 'scratch');
  await mkdir(scratch);
  const problem = await pipInstall(python, {
    ...wheelOf(release),
    packages: join(temporary, 'packages'),
    scratch,
    print,
    onInterrupt: () => lock.release(),
  });
  if (problem !== null) throw failed(`pip (of ${python}) failed:\n${problem}\n`);
}

/**
 * What to ask pip for. On Linux the plain version is PyPI's build with CUDA, which mirrors of PyPI have too; pip
 * takes the one with the compute platform in its version first where it finds both. macOS has one build only.
 */
function wheelOf({ version, variant, cuda }: LibTorchVersion) {
  const extraIndex = process.platform === 'darwin' ? null : `https://download.pytorch.org/whl/${variant}`;
  const isPlain = cuda !== null || process.platform === 'darwin';
  return {
    requirement: `torch==${version}${isPlain ? '' : `+${variant}`}`,
    extraIndex,
    // A build with CUDA needs NVIDIA's packages, one for the CPU nothing but itself.
    withDependencies: cuda !== null,
  };
}

/** That it is whole, the one asked for, and loads. */
async function check(root: string, release: LibTorchVersion): Promise<LibTorch> {
  const inspection = inspectLibTorch(root, SUPPORTED_MINORS);
  if (!inspection.libtorch) throw failed(`What came cannot be used: ${inspection.reason}.`);
  const [found, wanted] = [fullVersion(inspection.libtorch), fullVersion(release)];
  if (found !== wanted) throw failed(`LibTorch ${found} came in place of ${wanted}.`);
  const problem = await loadProblemOf(root);
  if (problem !== null) throw failed(`What came does not load: ${problem}`);
  return inspection.libtorch;
}

/** So that a power cut after the rename cannot leave a whole directory of empty files. */
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
  if (installed === null) throw failed(`${root} was changed by another program meanwhile.`);
  return installed;
}

function inCache(release: LibTorchVersion): LibTorch | null {
  return inspectLibTorch(cachedRoot(fullVersion(release)), [release.minor]).libtorch;
}

function failed(problem: string): TorchTlError {
  return new TorchTlError('LIBTORCH_INSTALL_FAILED', [
    // What pip says has many lines.
    ...`LibTorch could not be installed. ${problem}`.split('\n'),
    'Any one of these helps:',
    '  TORCH_TL_LIBTORCH_URL=https://download.pytorch.org/libtorch  takes the official archive, without pip; or a mirror of it',
    `  pip install torch==${DEFAULT_VERSION}  for the Python that is on PATH, or in the active virtual environment`,
    '  TORCH_TL_LIBTORCH=DIR  names an unpacked LibTorch, or the torch directory of a Python wheel',
    '  TORCH_TL_CACHE=DIR  names a cache that was filled where there is a network',
  ]);
}
