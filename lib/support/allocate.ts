import { TorchTlError } from '../errors.ts';

/**
 * Zeroed bytes for something whose size a file claims.
 *
 * @param what what they shall hold, for the message
 * @throws TorchTlError `OUT_OF_MEMORY` where Node cannot hold that many bytes in one piece
 */
export function allocateBytes(length: number, what: string): Uint8Array {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    const message = `${what} needs ${length} bytes of memory in one piece, more than Node.js can give.`;
    throw new TorchTlError('OUT_OF_MEMORY', message, { cause });
  }
}
