import { readdirSync, rmSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheDirectory } from '../cache-directory.ts';
import { TorchTlError } from '../errors.ts';
import { cachedRoot, inspectLibTorch, type LibTorch } from './locate.ts';
import { findPip, pipInstall } from './pip.ts';
import { refuseMusl } from './platform.ts';
import { DEFAULT_MINOR, DEFAULT_VERSION, fullVersion } from './version.ts';

/** Of the Linux wheel. */
const DOWNLOAD_MEGABYTES = 192;
const UNPACKED_MEGABYTES = 750;

const CPU_INDEX = 'https://download.pytorch.org/whl/cpu';

type Print = (line: string) => void;

/**
 * Puts the default LibTorch for the CPU into the cache, unless it is there: PyTorch's wheel through
 * the user's own pip, without the Python packages that it depends on. It is fetched to a temporary
 * directory, verified, and renamed when whole; what an interrupted installation left behind is
 * cleared by the next.
 *
 * @param print takes a line of progress; stderr unless given
 * @throws TorchTlError `LIBTORCH_INSTALL_FAILED`; `PLATFORM_UNSUPPORTED` on musl
 */
export async function installLibTorch(print: Print = (line) => console.error(line)): Promise<LibTorch> {
  refuseMusl();
  const version = `${DEFAULT_VERSION}+cpu`;
  const root = cachedRoot(version);
  const cached = inspectLibTorch(root, [DEFAULT_MINOR]).libtorch;
  if (cached) return cached;

  try {
    await installInto(dirname(root), version, print);
  } catch (cause) {
    if (cause instanceof TorchTlError) throw cause;
    throw failed(`The cache cannot be written: ${(cause as Error).message}.`, cause);
  }
  return verify(root, version);
}

async function installInto(target: string, version: string, print: Print): Promise<void> {
  const python = findPip();
  if (python === undefined) throw failed('No Python with pip was found on PATH.');
  const cache = cacheDirectory();
  await mkdir(cache, { recursive: true });
  clearAbandoned(cache);

  print(
    `Fetching LibTorch ${version}: PyTorch's wheel through pip, about ${DOWNLOAD_MEGABYTES} MB to download ` +
      `and ${UNPACKED_MEGABYTES} MB on the disk, into ${target}`,
  );
  const temporary = join(cache, temporaryName(process.pid));
  const remove = () => rmSync(temporary, { recursive: true, force: true });
  try {
    await fetchInto(temporary, python, print, remove);
    const fetched = verify(join(temporary, 'packages', 'torch'), version);
    await syncToDisk(fetched);
    await putInPlace(join(temporary, 'packages'), target);
  } finally {
    remove();
  }
  print(`LibTorch ${version} is in place.`);
}

async function fetchInto(temporary: string, python: string, print: Print, onInterrupt: () => void) {
  const [packages, scratch] = [join(temporary, 'packages'), join(temporary, 'scratch')];
  await mkdir(scratch, { recursive: true });
  const problem = await pipInstall(python, {
    requirement: requirement(),
    packages,
    scratch,
    print,
    onInterrupt,
  });
  if (problem !== null) throw failed(`pip (of ${python}) failed:\n${problem}\n`);
}

/** The plain version means gigabytes of CUDA everywhere but on macOS, which has no other variant. */
function requirement(): string[] {
  if (process.platform === 'darwin') return [`torch==${DEFAULT_VERSION}`];
  return [`torch==${DEFAULT_VERSION}+cpu`, '--extra-index-url', CPU_INDEX];
}

function verify(root: string, version: string): LibTorch {
  const inspection = inspectLibTorch(root, [DEFAULT_MINOR]);
  if (!inspection.libtorch) throw failed(`What pip installed cannot be used: ${inspection.reason}.`);
  const found = fullVersion(inspection.libtorch);
  if (found !== version) throw failed(`pip installed ${found} in place of ${version}.`);
  return inspection.libtorch;
}

/** So that a power cut after the rename cannot leave a whole directory of empty files. */
async function syncToDisk({ root }: LibTorch): Promise<void> {
  const libraries = readdirSync(join(root, 'lib'), { withFileTypes: true }).filter((entry) => entry.isFile());
  for (const path of ['version.py', ...libraries.map(({ name }) => join('lib', name))]) {
    const file = await open(join(root, path), 'r+');
    await file.sync().finally(() => file.close());
  }
}

/** Another process may have been faster; what else stands there could not be used. */
async function putInPlace(packages: string, target: string): Promise<void> {
  if (inspectLibTorch(join(target, 'torch'), [DEFAULT_MINOR]).libtorch) return;
  await rm(target, { recursive: true, force: true });
  await rename(packages, target);
}

/** The host's name keeps apart the machines that share a home directory. */
function temporaryName(pid: number): string {
  return `.installing-${hostname()}-${pid}`;
}

/** Removes what installations on this machine left whose process lives no more. */
function clearAbandoned(cache: string): void {
  for (const name of readdirSync(cache)) {
    const pid = Number(name.match(/^\.installing-.*-(\d+)$/)?.[1]);
    if (name !== temporaryName(pid) || isAlive(pid)) continue;
    rmSync(join(cache, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function failed(problem: string, cause?: unknown): TorchTlError {
  return new TorchTlError(
    'LIBTORCH_INSTALL_FAILED',
    `LibTorch could not be installed. ${problem}\nAny one of these helps:\n` +
      `  pip install torch==${DEFAULT_VERSION}  for the Python that is on PATH, or in the active virtual environment\n` +
      `  TORCH_TL_LIBTORCH=DIR  names an unpacked LibTorch ${DEFAULT_MINOR}, or the torch directory of a Python wheel\n` +
      `  TORCH_TL_CACHE=DIR  names a cache that was filled where there is a network`,
    { cause },
  );
}
