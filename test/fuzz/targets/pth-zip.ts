import type { Target } from '../target.ts';
import { readTorchFile, TORCH_MEMORY } from '../torch-file.ts';

const DIRECTORY_ENTRY = Buffer.from('PK\x01\x02', 'latin1');

export const target: Target = {
  refusals: ['WEIGHTS_INVALID'],
  memory: TORCH_MEMORY,
  read: readTorchFile,
  repaired: withoutChecksums,
};

/** The same archive with 0 for every checksum, as PyTorch writes it if it computes none. */
function withoutChecksums(bytes: Uint8Array): Uint8Array | null {
  const file = Buffer.from(bytes);
  let at = file.indexOf(DIRECTORY_ENTRY);
  if (at < 0) return null;
  for (; at >= 0; at = file.indexOf(DIRECTORY_ENTRY, at + 4)) file.subarray(at + 16, at + 20).fill(0);
  return file;
}
