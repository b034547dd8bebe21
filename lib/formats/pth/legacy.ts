import { quoted, type Refuse } from '../../support/quoted.ts';
import { Dict, type PickleValue, Tuple } from '../pickle.ts';
import { type PickleContext, readPickle } from './read-pickle.ts';
import { isCount, Storage } from './tensors.ts';

/*
 * The format of torch.save before PyTorch 1.6: five pickles (magic number, protocol, facts about the machine, the
 * object, keys of the storages), then the storages in the order of the keys, each as a count of elements and their
 * bytes.
 */

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/** A storage: sizes in bytes, and its bytes once they have been found in the file. */
interface Place {
  itemSize: number;
  length: number;
  bytes?: Uint8Array;
}

export function readLegacy(bytes: Uint8Array, refuse: Refuse): PickleValue {
  if (bytes[0] !== 0x80) {
    throw refuse(
      isTar(bytes)
        ? "it is in PyTorch's oldest format, a tar archive; load and save it again with a newer PyTorch"
        : 'it starts neither as a zip archive nor as a pickle',
    );
  }
  const plain: PickleContext = {
    refuse,
    storage: () => {
      throw refuse('a pickle other than that of the object refers to a storage');
    },
  };
  const magic = readPickle(bytes, 0, plain);
  if (magic.value !== MAGIC) throw refuse('its first pickle is not the magic number of torch.save');
  const protocol = readPickle(bytes, magic.end, plain);
  if (protocol.value !== PROTOCOL) throw refuse(`its protocol is not ${PROTOCOL}`);
  const machine = readPickle(bytes, protocol.end, plain);
  if (!(machine.value instanceof Dict) || machine.value.entries.get('little_endian') !== true) {
    throw refuse('it was not written by a little-endian machine');
  }

  const places = new Map<string, Place>();
  const object = readPickle(bytes, machine.end, { refuse, storage: storageOf(places, refuse) });
  const keys = readPickle(bytes, object.end, plain);
  readStorages(bytes, keys.end, keysOf(keys.value, refuse), places, refuse);
  const missing = [...places].find(([, place]) => place.bytes === undefined);
  if (missing) throw refuse(`the storage ${quoted(missing[0])} is missing`);
  return object.value;
}

function storageOf(places: Map<string, Place>, refuse: Refuse): PickleContext['storage'] {
  return (type, key, count, view) => {
    const { itemSize } = type;
    const length = count * itemSize;
    const place = places.get(key) ?? { itemSize, length };
    if (place.length !== length || place.itemSize !== itemSize) {
      throw refuse(`its pickle declares the storage ${quoted(key)} with two different types or sizes`);
    }
    places.set(key, place);
    const [begin, end] = partOf(view, count, refuse);
    const read = () => (place.bytes as Uint8Array).subarray(begin * itemSize, end * itemSize);
    return new Storage(type.type, (end - begin) * itemSize, read);
  };
}

/** The range of elements that a view `(key, offset, count)` selects from a storage. */
function partOf(view: PickleValue, count: number, refuse: Refuse): [begin: number, end: number] {
  if (view === null) return [0, count];
  const [, offset, size] = view instanceof Tuple ? view.items : [];
  if (!isCount(offset) || !isCount(size) || offset + size > count) {
    throw refuse('its pickle refers to a part that lies outside its storage');
  }
  return [offset, offset + size];
}

function keysOf(value: PickleValue, refuse: Refuse): string[] {
  if (!Array.isArray(value) || !value.every((key) => typeof key === 'string')) {
    throw refuse('its list of storages is not a list of texts');
  }
  return value as string[];
}

function readStorages(
  bytes: Uint8Array,
  begin: number,
  keys: string[],
  places: ReadonlyMap<string, Place>,
  refuse: Refuse,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = begin;
  for (const key of keys) {
    const place = places.get(key);
    if (!place) throw refuse(`it has a storage ${quoted(key)} that no tensor uses`);
    if (bytes.length - at < 8) throw refuse(`it ends before the storage ${quoted(key)}`);
    const length = Number(view.getBigInt64(at, true)) * place.itemSize;
    if (length !== place.length || length > bytes.length - at - 8) {
      throw refuse(
        `its storage ${quoted(key)} takes ${length} bytes from offset ${at + 8}, expected ${place.length}; the file has ` +
          `${bytes.length} bytes`,
      );
    }
    place.bytes = bytes.subarray(at + 8, at + 8 + length);
    at += 8 + length;
  }
}

/** Whether the bytes are a tar archive, PyTorch's oldest format. */
export function isTar(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(257, 262)).toString('latin1') === 'ustar';
}
