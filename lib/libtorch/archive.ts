import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DownloadOptions, download } from '../download/download.ts';
import { TorchTlError } from '../errors.ts';
import { archivePath } from './cache.ts';
import { requireSpace } from './disk-space.ts';
import { ArchiveProblem, unpackedSize, unzip } from './unzip.ts';
import { fullVersion, type LibTorchVersion } from './version.ts';

/** URL of PyTorch's archives; `TORCH_TL_LIBTORCH_URL` names a mirror. */
const OFFICIAL = 'https://download.pytorch.org/libtorch';

export type ArchiveControl = Pick<DownloadOptions, 'signal' | 'onProgress'>;

/** The mirror that the user has set, or undefined. */
export function archiveMirror(): string | undefined {
  return process.env.TORCH_TL_LIBTORCH_URL?.replace(/\/+$/, '') || undefined;
}

/**
 * URL of the official archive of a version for this platform. Each compute platform has a folder; `+` is written `%2B`.
 *
 * @throws TorchTlError `LIBTORCH_INSTALL_FAILED` if there is none for this platform
 */
export function archiveUrl(release: LibTorchVersion): string {
  return `${archiveMirror() ?? OFFICIAL}/${release.variant}/${encodeURIComponent(archiveName(release))}`;
}

/**
 * Downloads the archive of a version and unpacks it to `directory/torch`. Resumes the download of an earlier call.
 *
 * @throws TorchTlError `LIBTORCH_INSTALL_FAILED`, `DOWNLOAD_FAILED`, `WRITE_FAILED`; the signal's reason after an abort
 */
export async function fetchArchive(
  release: LibTorchVersion,
  directory: string,
  { signal, onProgress }: ArchiveControl,
): Promise<void> {
  const url = archiveUrl(release);
  const archive = archivePath(archiveName(release));
  await download(url, archive, { signal, onProgress, problem: problemWith });
  try {
    const total = await unpackedSize(archive);
    await requireSpace(archive, total);
    await unzip(archive, directory, { signal, onProgress: (done) => onProgress?.(done, total) });
    await renameFolder(directory);
  } catch (cause) {
    if (!(cause instanceof ArchiveProblem)) throw cause;
    await rm(archive, { force: true });
    throw new TorchTlError(
      'LIBTORCH_INSTALL_FAILED',
      `The archive from ${new URL(url).host} is damaged: ${cause.message}. It was deleted; try again.`,
      { cause },
    );
  }
  await rm(archive, { force: true });
}

/** Renames `libtorch` to `torch`, the name in wheels, so that every LibTorch in the cache has the same layout. */
async function renameFolder(directory: string): Promise<void> {
  const folder = join(directory, 'libtorch');
  if (!existsSync(folder)) throw new ArchiveProblem('it has no folder libtorch');
  await rename(folder, join(directory, 'torch'));
}

function archiveName(release: LibTorchVersion): string {
  const platform = `${process.platform}-${process.arch}`;
  if (platform === 'linux-x64') return `libtorch-shared-with-deps-${fullVersion(release)}.zip`;
  if (platform === 'win32-x64') return `libtorch-win-shared-with-deps-${fullVersion(release)}.zip`;
  if (platform === 'darwin-arm64' && release.cuda === null)
    return `libtorch-macos-arm64-${release.version}.zip`;
  throw new TorchTlError(
    'LIBTORCH_INSTALL_FAILED',
    `There is no official archive of LibTorch ${fullVersion(release)} for ${platform}, only a Python wheel. Install a ` +
      'Python with pip, or name a LibTorch with TORCH_TL_LIBTORCH=DIR.',
  );
}

/** PyTorch publishes no checksums, so the archive is checked by its own directory and CRCs. */
async function problemWith(path: string): Promise<string | null> {
  try {
    await unpackedSize(path);
    return null;
  } catch (cause) {
    if (cause instanceof ArchiveProblem) return `is not a complete zip archive (${cause.message})`;
    throw cause;
  }
}
