import { resolve } from 'node:path';
import { InputError } from '../../errors.ts';
import { allocateBytes } from '../../support/allocate.ts';
import { unreadable } from '../../support/files.ts';
import { quoted, type Refuse } from '../../support/quoted.ts';
import { readInto, withRegularFile } from '../../support/regular-file.ts';
import type { PickleValue } from '../pickle.ts';
import { isTar, readLegacy } from './legacy.ts';
import { type PickleContext, readPickle } from './read-pickle.ts';
import { Storage } from './tensors.ts';
import { ZipArchive } from './zip.ts';

/*
 * Reads files of `torch.save` without Python, and without running code from them.
 */

/**
 * Reads the object in a file of `torch.save`, in zip or legacy format. Sizes are checked before memory is allocated.
 * Tensors read their bytes on demand.
 *
 * @throws InputError `WEIGHTS_INVALID` with the problem and its place, or the refused opcode or global;
 *   `FILE_UNREADABLE`; TorchTlError `OUT_OF_MEMORY`; the signal's reason after an abort
 */
export async function readPth(path: string, signal?: AbortSignal): Promise<PickleValue> {
  const refuse: Refuse = (problem) =>
    new InputError('WEIGHTS_INVALID', `${resolve(path)} cannot be read as a file of torch.save: ${problem}.`);
  const bytes = await readWhole(path, signal);
  try {
    return isZip(bytes) ? readZip(bytes, refuse) : readLegacy(bytes, refuse);
  } catch (error) {
    // DataView throws it when the file ends within a structure.
    if (error instanceof RangeError) throw refuse('it is truncated, or contains wrong lengths');
    throw error;
  }
}

/** Whether a file that starts with these `START` bytes may be a file of torch.save. */
export function looksLikePth(start: Uint8Array): boolean {
  return isZip(start) || isTar(start) || isPickle(start);
}

/**
 * Whether the bytes start like a pickle of a protocol that torch.save uses. The length of a safetensors header may
 * start with the same bytes, but its upper half is zero. Those bytes of a pickle are zero only if it starts with a
 * frame of less than 256 bytes.
 */
function isPickle(start: Uint8Array): boolean {
  const [first, protocol = 0, next] = start;
  if (first !== 0x80 || protocol < 2 || protocol > 5) return false;
  const isLength = start.subarray(4, 8).every((byte) => byte === 0);
  return !isLength || (next === FRAME && start[8] !== BRACE);
}

const [FRAME, BRACE] = [0x95, 0x7b];

/** Number of bytes that `looksLikePth` needs. */
export const START = 512;

function isZip(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(4, bytes.length)).equals(ZIP);
}

const ZIP = Buffer.from('PK\x03\x04', 'latin1');

async function readWhole(path: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  try {
    return await withRegularFile(path, async (file, size) => {
      const bytes = allocateBytes(size, path);
      return bytes.subarray(0, await readInto(file, bytes, 0, signal));
    });
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function readZip(bytes: Uint8Array, refuse: Refuse): PickleValue {
  const archive = new ZipArchive(bytes, refuse);
  const pickle = archive.names.find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined)
    throw refuse('it is a zip archive without a data.pkl, so torch.save did not write it');
  const root = pickle.slice(0, -'data.pkl'.length);
  if (archive.has(`${root}constants.pkl`)) {
    throw refuse(
      'it is a TorchScript program, which contains code; in Python, use torch.save(model.state_dict(), FILE) instead',
    );
  }
  requireLittleEndian(archive, root, refuse);
  const storages = new Map<string, Storage>();
  const load: PickleContext['storage'] = (type, key, count) => {
    const name = `${root}data/${key}`;
    const length = count * type.itemSize;
    const found = storages.get(key);
    if (found) {
      if (found.type !== type.type || found.length !== length) {
        throw refuse(`its pickle declares the storage ${quoted(key)} with two different types or sizes`);
      }
      return found;
    }
    let checked: Uint8Array | undefined;
    const read = () => {
      checked ??= archive.read(name);
      return checked;
    };
    if (archive.length(name) !== length) {
      throw refuse(`its storage ${quoted(key)} takes ${archive.length(name)} bytes, expected ${length}`);
    }
    const storage = new Storage(type.type, length, read);
    storages.set(key, storage);
    return storage;
  };
  return readPickle(archive.read(pickle), 0, { refuse, storage: load }).value;
}

function requireLittleEndian(archive: ZipArchive, root: string, refuse: Refuse): void {
  const name = `${root}byteorder`;
  if (!archive.has(name)) return;
  const order = Buffer.from(archive.read(name)).toString('latin1');
  if (order !== 'little') throw refuse(`its byte order is ${quoted(order)}, expected "little"`);
}
