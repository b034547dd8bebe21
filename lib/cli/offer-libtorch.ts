import { builtMinors } from '../addon/engines.ts';
import type { TorchTlError } from '../errors.ts';
import { chooseInstallation, installationSize } from '../libtorch/install.ts';
import { findLibTorch } from '../libtorch/locate.ts';
import { fullVersion } from '../libtorch/version.ts';
import { cacheDirectory } from '../support/cache-directory.ts';
import { size } from '../support/format.ts';
import { packageRoot } from '../support/package-root.ts';
import { isInteractive, isYes } from './ask.ts';
import { installWithProgress } from './libtorch.ts';
import { notice } from './notice.ts';

/**
 * Offers to install LibTorch if a command failed without it and a user at a terminal can be asked.
 *
 * @returns whether it was installed, so that the command can be repeated
 * @throws what `installLibTorch` throws
 */
export async function offerLibTorch(error: TorchTlError): Promise<boolean> {
  if (!isMissingLibTorch(error) || !isInteractive()) return false;
  const { release, reason } = chooseInstallation({});
  const { download, unpacked } = installationSize(release);
  notice(
    `No usable LibTorch was found on this machine. LibTorch ${fullVersion(release)} is suitable because ${reason}.`,
  );
  const question =
    `Install it now into ${cacheDirectory()} (download about ${size(download)}, ` +
    `${size(unpacked)} on disk)?`;
  if (!(await isYes(question))) return false;
  await installWithProgress({});
  return true;
}

function isMissingLibTorch({ code }: TorchTlError): boolean {
  if (!code.startsWith('LIBTORCH_')) return false;
  // A LibTorch that the user names is not replaced by another.
  if (process.env.TORCH_TL_LIBTORCH) return false;
  return findLibTorch(builtMinors(packageRoot)) === null;
}
