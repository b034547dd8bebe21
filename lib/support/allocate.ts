import { TorchTlError } from '../errors.ts';

/**
 * Allocates zeroed bytes. Use it where the size comes from a file and may be absurd.
 *
 * @param length in bytes
 * @param purpose what the bytes are for: the subject of the error message
 * @throws TorchTlError `OUT_OF_MEMORY` if Node.js cannot allocate that many bytes in one piece
 */
export function allocateBytes(length: number, purpose: string): Uint8Array {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    const message = `${purpose} needs ${length} bytes of memory in one piece, more than Node.js can allocate.`;
    throw new TorchTlError('OUT_OF_MEMORY', message, { cause });
  }
}
