import { builtMinors } from '../addon/engines.ts';
import type { TorchTlError } from '../errors.ts';
import { chooseInstallation, installationSize } from '../libtorch/install.ts';
import { findLibTorch } from '../libtorch/locate.ts';
import { fullVersion } from '../libtorch/version.ts';
import { cacheDirectory } from '../support/cache-directory.ts';
import { size } from '../support/format.ts';
import { packageRoot } from '../support/package-root.ts';
import { isInteractive, isYes } from './ask.ts';
import { installShown } from './libtorch.ts';
import { notice } from './notice.ts';

/**
 * Where a command failed because there is no LibTorch, and there is somebody at a terminal to ask: offers to install it.
 * Whether it did, so that the command can be called again.
 *
 * @throws what `installLibTorch` throws
 */
export async function offerLibTorch(error: TorchTlError): Promise<boolean> {
  if (!isMissingLibTorch(error) || !isInteractive()) return false;
  const { release, reason } = chooseInstallation({});
  const { download, unpacked } = installationSize(release);
  notice(
    `There is no LibTorch on this machine that torch-tl can use. ${fullVersion(release)} fits, since ${reason}.`,
  );
  const question =
    `Install it now: about ${size(download)} to download, ${size(unpacked)} on the disk, ` +
    `into ${cacheDirectory()}?`;
  if (!(await isYes(question))) return false;
  await installShown({});
  return true;
}

function isMissingLibTorch({ code }: TorchTlError): boolean {
  if (!code.startsWith('LIBTORCH_')) return false;
  // Whoever names one wants that one.
  if (process.env.TORCH_TL_LIBTORCH) return false;
  return findLibTorch(builtMinors(packageRoot)) === null;
}
