/*
 * Pieces of programs for pickle's stack machine, in protocol 2. Each leaves one value on the stack. `unpickle` in
 * pickle.ts runs them.
 */

/** A whole program, which gives what a piece leaves. */
export function program(value: Uint8Array): Buffer {
  return Buffer.concat([operation('\x80\x02'), value, operation('.')]);
}

/** Of 32 bits. */
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

/** A function or a type of Python's. */
export function global(module: string, name: string): Buffer {
  return operation(`c${module}\n${name}\n`);
}

export function call(callable: Uint8Array, ...args: Uint8Array[]): Buffer {
  return Buffer.concat([callable, tuple(...args), operation('R')]);
}

/** What a persistent id stands for, which is outside of the pickle. */
export function persistent(id: Uint8Array): Buffer {
  return Buffer.concat([id, operation('Q')]);
}

/** @param made leaves the empty dict */
export function dict(items: Iterable<readonly [string, Uint8Array]>, made = operation('}')): Buffer {
  const pairs = [...items].flatMap(([key, value]) => [text(key), value]);
  return Buffer.concat([made, operation('('), ...pairs, operation('u')]);
}

function operation(bytes: string): Buffer {
  return Buffer.from(bytes, 'latin1');
}
