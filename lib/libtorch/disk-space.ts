import { statfs } from 'node:fs/promises';
import { TorchTlError } from '../errors.ts';
import { size } from '../support/format.ts';

/**
 * @param path of something that is there, on the disk in question
 * @throws TorchTlError `LIBTORCH_INSTALL_FAILED` where the disk has fewer bytes free than needed
 */
export async function requireSpace(path: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(path);
  if (bavail * bsize >= needed) return;
  throw new TorchTlError(
    'LIBTORCH_INSTALL_FAILED',
    `LibTorch needs ${size(needed)} on the disk of ${path}, which has ${size(bavail * bsize)} free. Free some, or name a place on ` +
      'another disk with TORCH_TL_CACHE=DIR.',
  );
}
