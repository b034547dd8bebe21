import type { Target } from '../target.ts';
import { readTorchFile, TORCH_MEMORY } from '../torch-file.ts';

/** What comes before the object: the magic number, the protocol, and facts about a little-endian machine. */
const START = Buffer.from(
  '\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}X\x0d\0\0\0little_endian\x88s.',
  'latin1',
);

export const target: Target = {
  refusals: ['WEIGHTS_INVALID'],
  memory: TORCH_MEMORY,
  read: readTorchFile,
  repaired: (bytes) => (bytes[0] === 0x80 ? Buffer.concat([START, bytes]) : null),
};
