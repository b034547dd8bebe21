import { statfs } from 'node:fs/promises';
import { TorchTlError } from '../errors.ts';
import { size } from '../support/format.ts';

/**
 * Checks that a disk has `needed` bytes free.
 *
 * @param path an existing path on the disk
 * @throws TorchTlError `LIBTORCH_INSTALL_FAILED` if it has fewer
 */
export async function requireSpace(path: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(path);
  if (bavail * bsize >= needed) return;
  throw new TorchTlError(
    'LIBTORCH_INSTALL_FAILED',
    `LibTorch needs ${size(needed)} on the disk of ${path}, which has ${size(bavail * bsize)} free. Free some space, or ` +
      'name a directory on another disk with TORCH_TL_CACHE=DIR.',
  );
}
