import { crc32 } from 'node:zlib';

/*
 * Files as torch.save writes them, and as it never would: programs for pickle's stack machine, and zip archives.
 */

/** The bytes of storages by their keys. */
export type Stored = Record<string, Buffer>;

const latin1 = (text: string) => Buffer.from(text, 'latin1');

function uint(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntLE(value, 0, length);
  return bytes;
}

/** Pieces of programs, each of which leaves one value on the stack. */
export const pickle = {
  program: (value: Buffer) => Buffer.concat([latin1('\x80\x02'), value, latin1('.')]),

  integer(value: number): Buffer {
    const bytes = Buffer.alloc(5, 'J');
    bytes.writeInt32LE(value, 1);
    return bytes;
  },

  text: (text: string) => Buffer.concat([latin1('X'), uint(Buffer.byteLength(text), 4), Buffer.from(text)]),

  tuple: (...items: Buffer[]) => Buffer.concat([latin1('('), ...items, latin1('t')]),

  global: (module: string, name: string) => latin1(`c${module}\n${name}\n`),

  call: (module: string, name: string, ...args: Buffer[]) =>
    Buffer.concat([pickle.global(module, name), pickle.tuple(...args), latin1('R')]),

  dict: (items: Record<string, Buffer>) =>
    Buffer.concat([
      latin1('}('),
      ...Object.entries(items).flatMap(([key, value]) => [pickle.text(key), value]),
      latin1('u'),
    ]),

  /** `_rebuild_tensor_v2` over a storage. */
  tensor({
    type,
    key,
    count,
    offset = 0,
    size,
    stride,
  }: {
    type: string;
    key: string;
    count: number;
    offset?: number;
    size: number[];
    stride: number[];
  }): Buffer {
    const id = pickle.tuple(
      pickle.text('storage'),
      pickle.global('torch', type),
      pickle.text(key),
      pickle.text('cpu'),
      pickle.integer(count),
    );
    const storage = Buffer.concat([id, latin1('Q')]);
    const counts = (values: number[]) => pickle.tuple(...values.map(pickle.integer));
    const hooks = pickle.call('collections', 'OrderedDict');
    return pickle.call(
      'torch._utils',
      '_rebuild_tensor_v2',
      storage,
      pickle.integer(offset),
      counts(size),
      counts(stride),
      latin1('\x89'),
      hooks,
    );
  },
};

export const zip = {
  /** An archive as torch.save lays it out. */
  of({ pickle: program, storages }: { pickle: Buffer; storages: Stored }): Buffer {
    const files: Array<[string, Buffer]> = [
      ['archive/data.pkl', program],
      ...Object.entries(storages).map(([key, bytes]): [string, Buffer] => [`archive/data/${key}`, bytes]),
      ['archive/version', Buffer.from('3\n')],
    ];
    const local: Buffer[] = [];
    const directory: Buffer[] = [];
    let offset = 0;
    for (const [name, bytes] of files) {
      const sizes = [uint(crc32(bytes), 4), uint(bytes.length, 4), uint(bytes.length, 4)];
      const names = [uint(name.length, 2), uint(0, 2)];
      const header = [latin1('PK\x03\x04'), Buffer.alloc(10), ...sizes, ...names, Buffer.from(name), bytes];
      const entry = [latin1('PK\x01\x02'), Buffer.alloc(12), ...sizes, ...names];
      directory.push(...entry, Buffer.alloc(10), uint(offset, 4), Buffer.from(name));
      local.push(...header);
      offset += header.reduce((sum, part) => sum + part.length, 0);
    }
    const length = directory.reduce((sum, part) => sum + part.length, 0);
    const counts = [uint(files.length, 2), uint(files.length, 2)];
    const end = [latin1('PK\x05\x06'), uint(0, 4), ...counts, uint(length, 4), uint(offset, 4), uint(0, 2)];
    return Buffer.concat([...local, ...directory, ...end]);
  },

  /** The same with one byte changed. */
  withByte(archive: Buffer, at: number): Buffer {
    const changed = Buffer.from(archive);
    changed[at] = (changed[at] as number) ^ 1;
    return changed;
  },

  /** The same with another name, as long, in the directory alone. */
  renamed(archive: Buffer, from: string, to: string): Buffer {
    const changed = Buffer.from(archive);
    changed.write(to, changed.lastIndexOf(from), 'latin1');
    return changed;
  },

  /** The same with the first file said to be compressed. */
  withMethod(archive: Buffer, method: number): Buffer {
    const changed = Buffer.from(archive);
    changed.writeUInt16LE(method, changed.indexOf('PK\x01\x02') + 10);
    return changed;
  },
};
