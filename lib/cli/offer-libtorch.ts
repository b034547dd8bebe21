import { createInterface } from 'node:readline/promises';
import { cacheDirectory } from '../cache-directory.ts';
import type { TorchTlError } from '../errors.ts';
import { size } from '../format.ts';
import { builtMinors } from '../libtorch/engines.ts';
import { chooseInstallation, installationSize } from '../libtorch/install.ts';
import { findLibTorch } from '../libtorch/locate.ts';
import { fullVersion } from '../libtorch/version.ts';
import { packageRoot } from '../package-root.ts';
import { installShown } from './libtorch.ts';

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
  console.error(
    `There is no LibTorch on this machine that torch-tl can use. ${fullVersion(release)} fits, since ${reason}.`,
  );
  const question =
    `Install it now: about ${size(download)} to download, ${size(unpacked)} on the disk, ` +
    `into ${cacheDirectory()}? (y/n) `;
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

function isInteractive(): boolean {
  const isCi = !['', '0', 'false'].includes(process.env.CI ?? '');
  return process.stdin.isTTY === true && process.stdout.isTTY === true && !isCi;
}

/** Anything but `y` and `yes` is a no, the end of the input included. */
async function isYes(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([lines.question(question), closed]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
