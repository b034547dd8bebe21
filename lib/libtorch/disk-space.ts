import { statfs } from 'node:fs/promises';
import { TorchTlError } from '../errors.ts';

/**
 * @param path of something that is there, on the disk in question
 * @throws TorchTlError `LIBTORCH_INSTALL_FAILED` where the disk has fewer bytes free than needed
 */
export async function requireSpace(path: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(path);
  if (bavail * bsize >= needed) return;
  const [free, wanted] = [bavail * bsize, needed].map((bytes) => (bytes / 1e9).toFixed(2));
  throw new TorchTlError(
    'LIBTORCH_INSTALL_FAILED',
    `LibTorch needs ${wanted} GB on the disk of ${path}, which has ${free} GB free. Free some, or name a place on ` +
      'another disk with TORCH_TL_CACHE=DIR.',
  );
}
