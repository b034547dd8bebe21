import * as pickle from '../../lib/formats/pickle-writer.ts';
import { rebuilt, storage } from '../../lib/formats/pth/write-pth.ts';
import { zipArchive } from '../../lib/formats/pth/zip-writer.ts';

/*
 * Files as torch.save writes them, and as it never would.
 */

/** The bytes of storages by their keys. */
export type Stored = Record<string, Buffer>;

/** An archive as torch.save lays it out, around a piece of a pickle's program. */
export function torchArchive(value: Uint8Array, storages: Stored = {}): Buffer {
  const files = Object.entries(storages).map(([key, bytes]): [string, Buffer] => [
    `archive/data/${key}`,
    bytes,
  ]);
  const pickled: [string, Buffer] = ['archive/data.pkl', pickle.program(value)];
  return Buffer.concat(zipArchive([pickled, ...files, ['archive/version', Buffer.from('3\n')]]));
}

/** A dict of tensors of one number each, whose storages are called 0, 1 and so on. */
export function stateOf(names: string[]): Buffer {
  return pickle.dict(
    names.map((name, index) => [name, rebuilt({ dtype: 'float32', shape: [1] }, String(index))]),
  );
}

/** A dict with a view of four numbers, or of what `wrong` says. */
export function viewOf({ key = '0', count = 4, offset = 0, size = [4], stride = [1] } = {}): Buffer {
  const tensor = pickle.call(
    pickle.global('torch._utils', '_rebuild_tensor_v2'),
    storage('FloatStorage', key, count),
    pickle.integer(offset),
    pickle.tuple(...size.map(pickle.integer)),
    pickle.tuple(...stride.map(pickle.integer)),
    pickle.FALSE,
    pickle.call(pickle.global('collections', 'OrderedDict')),
  );
  return pickle.dict([['weight', tensor]]);
}

/** An archive with one byte changed. */
export function withByte(archive: Buffer, at: number): Buffer {
  const changed = Buffer.from(archive);
  changed[at] = (changed[at] as number) ^ 1;
  return changed;
}

/** The same with another name, as long, in the directory alone. */
export function withName(archive: Buffer, from: string, to: string): Buffer {
  const changed = Buffer.from(archive);
  changed.write(to, changed.lastIndexOf(from), 'latin1');
  return changed;
}

/** The same with the first file said to be compressed. */
export function withMethod(archive: Buffer, method: number): Buffer {
  const changed = Buffer.from(archive);
  changed.writeUInt16LE(method, changed.indexOf('PK\x01\x02') + 10);
  return changed;
}
