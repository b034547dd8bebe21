import { quoted, type Refuse } from '../support/quoted.ts';

/*
 * A restricted reader of Python's pickle, for files of tensors and of CIFAR-10. A pickle is a program for a small stack
 * machine. Here it can only make plain values and call what the caller allows by name.
 * Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */

/** A value in a pickle. A list is an array; an integer that a number cannot hold exactly is a bigint. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Tuple
  | Dict
  | Callable
  | PickledObject;

export class Tuple {
  readonly items: readonly PickleValue[];
  constructor(items: readonly PickleValue[]) {
    this.items = items;
  }
}

/** A dict or an OrderedDict, with keys in insertion order. */
export class Dict {
  readonly entries = new Map<PickleValue, PickleValue>();
}

/** A Python function or type that the caller allows. */
export class Callable {
  readonly name: string;
  /** Returns the result of a call with these arguments; undefined if it must not be called. */
  readonly call: ((args: readonly PickleValue[]) => PickleValue) | undefined;
  constructor(name: string, call?: (args: readonly PickleValue[]) => PickleValue) {
    this.name = name;
    this.call = call;
  }
}

/** Base of the objects that the caller's callables and persistent ids produce. */
export class PickledObject {
  /** Sets the attributes of the object. Absent if it has none. */
  build?(state: PickleValue): void;
}

export interface PickleOptions {
  /** Resolves a global; throws if it is not allowed. */
  find(module: string, name: string): Callable;
  /** Resolves a persistent id; throws if it is invalid. */
  load(id: PickleValue): PickleValue;
  /** Makes the error for a problem with the pickle. */
  refuse: Refuse;
  /** Whether to return texts of Python 2 as bytes; otherwise they must be UTF-8. */
  rawTexts?: boolean;
}

/**
 * What `_codecs.encode` returns for bytes, which protocol 2 stores as a text with a character for each byte.
 *
 * @param args the text, and the name of the encoding
 * @throws the error of `refuse` for other arguments, and for a character that is no byte, as Python does
 */
export function encodedBytes(args: readonly PickleValue[], refuse: Refuse): Uint8Array {
  const [text, encoding] = args.map((value) => (value instanceof Uint8Array ? textOf(value) : value));
  if (typeof text !== 'string' || encoding !== 'latin1') {
    throw refuse('its pickle encodes a value that is not a text, or in another encoding than latin1');
  }
  const bytes = Buffer.from(text, 'latin1');
  if (textOf(bytes) !== text)
    throw refuse('its pickle has a text for bytes with a character that is no byte');
  return bytes;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Runs the pickle at `offset`. `end` is the offset after its STOP opcode. */
export function unpickle(
  bytes: Uint8Array,
  offset: number,
  options: PickleOptions,
): { value: PickleValue; end: number } {
  return new Machine(bytes, offset, options).run();
}

/** Marks the start of a group of values on the stack. */
const MARK = Symbol('mark');

/**
 * Largest number of operations: a checkpoint of DenseNet-121 with its optimiser's state takes about 50,000. Each is one
 * byte at least, and a dict takes 250.
 */
const MAX_OPERATIONS = 1_000_000;

/** The newest protocol that torch.save supports. */
const MAX_PROTOCOL = 5;

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #options: PickleOptions;
  readonly #stack: Array<PickleValue | typeof MARK> = [];
  readonly #memo = new Map<number, PickleValue>();
  /** Offset of the next byte. */
  #offset: number;
  /** Offset of the current operation. */
  #at = 0;
  #operations = 0;
  /** Remaining size of all arguments. Without a limit, one large value could be passed to call after call. */
  #left: number;

  constructor(bytes: Uint8Array, offset: number, options: PickleOptions) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#offset = offset;
    this.#options = options;
    this.#left = 4 * bytes.length + MAX_OPERATIONS;
  }

  run(): { value: PickleValue; end: number } {
    for (;;) {
      this.#at = this.#offset;
      this.#operations += 1;
      if (this.#operations > MAX_OPERATIONS) throw this.refuse(`more than ${MAX_OPERATIONS} operations`);
      const code = String.fromCharCode(this.#byte());
      if (code === '.') return { value: this.#pop(), end: this.#offset };
      this.#step(code);
    }
  }

  #step(code: string): void {
    const operation = OPERATIONS.get(code);
    if (!operation) {
      const hexadecimal = code.charCodeAt(0).toString(16).padStart(2, '0');
      const known = DANGEROUS.get(code) ?? 'which files of tensors do not use';
      throw this.refuse(`the opcode 0x${hexadecimal}, ${known}`);
    }
    operation(this);
  }

  refuse(problem: string): Error {
    return this.#options.refuse(`at offset ${this.#at} its pickle has ${problem}`);
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  mark(): void {
    this.#stack.push(MARK);
  }

  pop(): PickleValue {
    return this.#pop();
  }

  /** The top value, which stays on the stack. */
  top(): PickleValue {
    const value = this.#pop();
    this.#stack.push(value);
    return value;
  }

  /** Removes and returns the values above the last mark, and removes the mark. */
  popToMark(): PickleValue[] {
    const begin = this.#stack.lastIndexOf(MARK);
    if (begin < 0) throw this.refuse('an operation on a group of values that was never started');
    const [, ...values] = this.#stack.splice(begin) as [typeof MARK, ...PickleValue[]];
    return values;
  }

  remember(index: number): void {
    this.#memo.set(index, this.top());
  }

  rememberNext(): void {
    this.remember(this.#memo.size);
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.refuse(`a reference to ${index}, which was never stored`);
    this.#stack.push(value);
  }

  find(module: string, name: string): void {
    this.#stack.push(this.#options.find(module, name));
  }

  load(): void {
    this.#stack.push(this.#options.load(this.#pop()));
  }

  call(): void {
    const args = this.#pop();
    const callable = this.#pop();
    if (!(callable instanceof Callable) || !(args instanceof Tuple)) {
      throw this.refuse('a call of something that cannot be called');
    }
    if (!callable.call)
      throw this.refuse(`a call of ${callable.name}, which is not called in files of tensors`);
    for (const argument of args.items) this.#left -= sizeOf(argument);
    if (this.#left < 0) throw this.refuse('calls that take the same values too many times');
    this.#stack.push(callable.call(args.items));
  }

  protocol(): void {
    const version = this.byte();
    if (version > MAX_PROTOCOL) throw this.refuse(`protocol ${version}, expected at most ${MAX_PROTOCOL}`);
  }

  byte(): number {
    return this.#byte();
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  /** A length. `#advance` refuses one that is larger than the file. */
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }

  /** Doubles are big-endian, unlike all other numbers in a pickle. */
  double(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  bytes(length: number): Uint8Array {
    const begin = this.#advance(length);
    return this.#bytes.subarray(begin, begin + length);
  }

  text(length: number): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.bytes(length));
    } catch (error) {
      if (error instanceof TypeError) throw this.refuse('a text that is not UTF-8');
      throw error;
    }
  }

  /** A text of Python 2, whose texts are bytes. */
  oldText(length: number): string | Uint8Array {
    return this.#options.rawTexts ? this.bytes(length) : this.text(length);
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#offset);
    if (end < 0) throw this.refuse('a line that does not end');
    const text = this.text(end - this.#offset);
    this.#advance(1);
    return text;
  }

  /** An integer of any length: two's complement, little-endian. */
  long(length: number): number | bigint {
    let value = 0n;
    for (const byte of this.bytes(length).toReversed()) value = (value << 8n) | BigInt(byte);
    if (length > 0) value = BigInt.asIntN(8 * length, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  #byte(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  #pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw this.refuse('an operation on an empty stack');
    return value;
  }

  #advance(count: number): number {
    const begin = this.#offset;
    if (count > this.#bytes.length - begin) {
      throw this.refuse(
        `an operation that needs ${count} bytes, but only ${this.#bytes.length - begin} are left`,
      );
    }
    this.#offset += count;
    return begin;
  }
}

/** Refused opcodes and their meaning, for the message. */
const DANGEROUS = new Map([
  ['i', 'INST, which makes an object of any class'],
  ['o', 'OBJ, which makes an object of any class'],
  ['\x92', 'NEWOBJ_EX, which makes an object of any class'],
  ['\x82', 'EXT1, which calls an entry of the extension registry'],
  ['\x83', 'EXT2, which calls an entry of the extension registry'],
  ['\x84', 'EXT4, which calls an entry of the extension registry'],
  ['P', 'PERSID, a persistent id as text, which PyTorch does not write'],
]);

const OPERATIONS = new Map<string, (machine: Machine) => void>([
  // Framing.
  ['\x80', (m) => m.protocol()],
  ['\x95', (m) => void m.uint64()],
  // Plain values.
  ['N', (m) => m.push(null)],
  ['\x88', (m) => m.push(true)],
  ['\x89', (m) => m.push(false)],
  ['K', (m) => m.push(m.byte())],
  ['M', (m) => m.push(m.uint16())],
  ['J', (m) => m.push(m.int32())],
  ['\x8a', (m) => m.push(m.long(m.byte()))],
  ['G', (m) => m.push(m.double())],
  ['I', (m) => m.push(integer(m, m.line()))],
  ['X', (m) => m.push(m.text(m.uint32()))],
  ['\x8c', (m) => m.push(m.text(m.byte()))],
  ['\x8d', (m) => m.push(m.text(m.uint64()))],
  ['U', (m) => m.push(m.oldText(m.byte()))],
  ['T', (m) => m.push(m.oldText(m.uint32()))],
  ['C', (m) => m.push(m.bytes(m.byte()))],
  ['B', (m) => m.push(m.bytes(m.uint32()))],
  ['\x8e', (m) => m.push(m.bytes(m.uint64()))],
  ['\x96', (m) => m.push(m.bytes(m.uint64()))],
  // Containers.
  ['(', (m) => m.mark()],
  [')', (m) => m.push(new Tuple([]))],
  ['\x85', (m) => m.push(tuple(m, 1))],
  ['\x86', (m) => m.push(tuple(m, 2))],
  ['\x87', (m) => m.push(tuple(m, 3))],
  ['t', (m) => m.push(new Tuple(m.popToMark()))],
  [']', (m) => m.push([])],
  ['l', (m) => m.push(m.popToMark())],
  ['a', (m) => append(m, [m.pop()])],
  ['e', (m) => append(m, m.popToMark())],
  ['}', (m) => m.push(new Dict())],
  ['d', (m) => makeDict(m)],
  ['s', (m) => setItems(m, [m.pop(), m.pop()].reverse())],
  ['u', (m) => setItems(m, m.popToMark())],
  // The memo, and the stack.
  ['q', (m) => m.remember(m.byte())],
  ['r', (m) => m.remember(m.uint32())],
  ['\x94', (m) => m.rememberNext()],
  ['h', (m) => m.recall(m.byte())],
  ['j', (m) => m.recall(m.uint32())],
  ['0', (m) => void m.pop()],
  ['2', (m) => m.push(m.top())],
  // Globals, calls and persistent ids, which the caller resolves.
  ['c', (m) => m.find(m.line(), m.line())],
  ['\x93', (m) => findOnStack(m)],
  ['R', (m) => m.call()],
  ['\x81', (m) => m.call()],
  ['Q', (m) => m.load()],
  ['b', (m) => build(m)],
]);

/** Size of a call's argument, by which calls are limited. */
function sizeOf(value: PickleValue): number {
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof Dict) return value.entries.size;
  return typeof value === 'string' || Array.isArray(value) || value instanceof Uint8Array ? value.length : 1;
}

function integer(machine: Machine, line: string): PickleValue {
  if (line === '00' || line === '01') return line === '01';
  // No sum is -0, which Python does not have.
  const number = Number(line) + 0;
  // Number() reads more than Python does, such as 1e3, and 010 otherwise.
  if (!/^[+-]?(0|[1-9]\d*)$/.test(line) || !Number.isSafeInteger(number)) {
    throw machine.refuse(`the invalid or too large integer ${quoted(line)}`);
  }
  return number;
}

function tuple(machine: Machine, length: number): Tuple {
  const items = Array.from({ length }, () => machine.pop());
  return new Tuple(items.reverse());
}

function append(machine: Machine, values: PickleValue[]): void {
  const list = machine.top();
  if (!Array.isArray(list)) throw machine.refuse('an item for a list, but no list');
  for (const value of values) list.push(value);
}

function makeDict(machine: Machine): void {
  const items = machine.popToMark();
  machine.push(new Dict());
  setItems(machine, items);
}

function setItems(machine: Machine, items: PickleValue[]): void {
  const dict = machine.top();
  if (!(dict instanceof Dict) || items.length % 2 !== 0)
    throw machine.refuse('an item for a dict, but no dict, or a key without a value');
  for (let i = 0; i < items.length; i += 2) {
    dict.entries.set(items[i] as PickleValue, items[i + 1] as PickleValue);
  }
}

function findOnStack(machine: Machine): void {
  const [module, name] = tuple(machine, 2).items;
  if (typeof module !== 'string' || typeof name !== 'string') throw machine.refuse('a global without a name');
  machine.find(module, name);
}

/** Sets the attributes of an object. Those of an OrderedDict, a state_dict's module versions, are ignored. */
function build(machine: Machine): void {
  const state = machine.pop();
  const object = machine.top();
  if (object instanceof PickledObject && object.build) object.build(state);
  else if (!(object instanceof Dict)) throw machine.refuse('attributes for an object that cannot have any');
}
