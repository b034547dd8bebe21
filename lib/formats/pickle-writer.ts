/*
 * Writes programs for pickle's stack machine, in protocol 2. Each piece leaves one value on the stack. `unpickle` in
 * pickle.ts runs such programs.
 */

/** A complete program that returns the value of `value`. */
export function program(value: Uint8Array): Buffer {
  return Buffer.concat([operation('\x80\x02'), value, operation('.')]);
}

/** A 32-bit signed integer. */
export function integer(value: number): Buffer {
  const bytes = Buffer.alloc(5, 'J');
  bytes.writeInt32LE(value, 1);
  return bytes;
}

export function text(value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(value));
  return Buffer.concat([operation('X'), length, Buffer.from(value)]);
}

export const FALSE = operation('\x89');

export function tuple(...items: Uint8Array[]): Buffer {
  return Buffer.concat([operation('('), ...items, operation('t')]);
}

/** A Python function or type, by module and name. */
export function global(module: string, name: string): Buffer {
  return operation(`c${module}\n${name}\n`);
}

export function call(callable: Uint8Array, ...args: Uint8Array[]): Buffer {
  return Buffer.concat([callable, tuple(...args), operation('R')]);
}

/** The object outside the pickle that a persistent id names. */
export function persistent(id: Uint8Array): Buffer {
  return Buffer.concat([id, operation('Q')]);
}

/** @param empty a piece that leaves an empty dict, by default a plain one */
export function dict(items: Iterable<readonly [string, Uint8Array]>, empty = operation('}')): Buffer {
  const pairs = [...items].flatMap(([key, value]) => [text(key), value]);
  return Buffer.concat([empty, operation('('), ...pairs, operation('u')]);
}

function operation(bytes: string): Buffer {
  return Buffer.from(bytes, 'latin1');
}
