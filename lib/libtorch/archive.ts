import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DownloadOptions, download } from '../download/download.ts';
import { TorchTlError } from '../errors.ts';
import { archivePath } from './cache.ts';
import { requireSpace } from './disk-space.ts';
import { ArchiveProblem, unpackedSize, unzip } from './unzip.ts';
import { fullVersion, type LibTorchVersion } from './version.ts';

/** Where PyTorch publishes its archives; `TORCH_TL_LIBTORCH_URL` names a mirror. */
const OFFICIAL = 'https://download.pytorch.org/libtorch';

export type ArchiveControl = Pick<DownloadOptions, 'signal' | 'onProgress'>;

/** The mirror that the user names, or undefined. */
export function archiveMirror(): string | undefined {
  return process.env.TORCH_TL_LIBTORCH_URL?.replace(/\/+$/, '') || undefined;
}

/**
 * The official archive of a version for this platform: a folder a compute platform, `+` written as `%2B`.
 *
 * @throws TorchTlError `LIBTORCH_INSTALL_FAILED` where there is none for this platform
 */
export function archiveUrl(release: LibTorchVersion): string {
  return `${archiveMirror() ?? OFFICIAL}/${release.variant}/${encodeURIComponent(archiveName(release))}`;
}

/**
 * Downloads the archive of a version, going on where an earlier call was broken off, and unpacks it: the folder that it
 * holds comes to be `directory/torch`.
 *
 * @throws TorchTlError `LIBTORCH_INSTALL_FAILED`, `DOWNLOAD_FAILED`, `WRITE_FAILED`; the signal's reason
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
      `What came from ${new URL(url).host} is damaged: ${cause.message}. It was deleted; try again.`,
      { cause },
    );
  }
  await rm(archive, { force: true });
}

/** As a wheel has it, so that all in the cache are alike. */
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
    `There is no official archive of LibTorch ${fullVersion(release)} for ${platform}, only Python's wheel: install ` +
      'a Python with pip, or name a LibTorch with TORCH_TL_LIBTORCH=DIR.',
  );
}

/** No checksums are published: the archive's own directory and CRCs are what there is to check it by. */
async function problemWith(path: string): Promise<string | null> {
  try {
    await unpackedSize(path);
    return null;
  } catch (cause) {
    if (cause instanceof ArchiveProblem) return `is no whole zip archive (${cause.message})`;
    throw cause;
  }
}
