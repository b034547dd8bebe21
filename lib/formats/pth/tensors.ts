import { allocateBytes } from '../../support/allocate.ts';
import { quoted, type Refuse } from '../../support/quoted.ts';
import { Callable, Dict, Made, type PickleValue, Tuple } from '../pickle.ts';
import { ITEM_SIZES, type StoredType } from '../stored-tensor.ts';

/*
 * What a pickle of torch.save may make: storages, tensors over them, and a few plain containers.
 */

/** The types of storages, which tensors over them have too; of an untyped one the tensor says its own. */
export const STORAGES: Record<string, StoredType | 'untyped'> = {
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  FloatStorage: 'float32',
  DoubleStorage: 'float64',
  CharStorage: 'int8',
  ShortStorage: 'int16',
  IntStorage: 'int32',
  LongStorage: 'int64',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
  ComplexFloatStorage: 'complex64',
  ComplexDoubleStorage: 'complex128',
  UntypedStorage: 'untyped',
};

/** The type of storage that a pickle names. */
export class StorageType extends Callable {
  readonly type: StoredType | 'untyped';
  constructor(name: string, type: StoredType | 'untyped') {
    super(name);
    this.type = type;
  }

  /** Bytes of an element. */
  get itemSize(): number {
    return this.type === 'untyped' ? 1 : ITEM_SIZES[this.type];
  }
}

class ElementType extends Callable {
  readonly type: StoredType;
  constructor(type: StoredType) {
    super(`torch.${type}`);
    this.type = type;
  }
}

/** Bytes that tensors lie in. */
export class Storage extends Made {
  readonly type: StoredType | 'untyped';
  /** Bytes in all, as the pickle says. */
  readonly length: number;
  /** The bytes, so many of them; throws where they are not there or damaged. */
  readonly read: () => Uint8Array;

  constructor(type: StoredType | 'untyped', length: number, read: () => Uint8Array) {
    super();
    this.type = type;
    this.length = length;
    this.read = read;
  }
}

/** A view of a storage; offset and strides count elements. */
export class TorchTensor extends Made {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly #storage: Storage;
  readonly #offset: number;
  readonly #strides: readonly number[];

  /** The view must be within the storage. */
  constructor(
    storage: Storage,
    dtype: StoredType,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
  ) {
    super();
    this.#storage = storage;
    this.dtype = dtype;
    this.#offset = offset;
    this.shape = shape;
    this.#strides = strides;
  }

  /** Of its elements, each once: a number that may be beyond what memory holds. */
  get byteLength(): number {
    return this.shape.reduce((product, side) => product * side, ITEM_SIZES[this.dtype]);
  }

  get isContiguous(): boolean {
    let expected = 1;
    for (let i = this.shape.length - 1; i >= 0; i -= 1) {
      const side = this.shape[i] as number;
      if (side !== 1 && this.#strides[i] !== expected) return this.shape.includes(0);
      expected *= side;
    }
    return true;
  }

  /** The elements in row-major order, little-endian; a view of the storage where they lie like that. */
  read(): Uint8Array {
    const size = ITEM_SIZES[this.dtype];
    const bytes = this.#storage.read();
    const begin = this.#offset * size;
    if (this.isContiguous) return bytes.subarray(begin, begin + this.byteLength);
    const copy = allocateBytes(this.byteLength, 'A tensor');
    const index = this.shape.map(() => 0);
    let from = begin;
    for (let to = 0; to < copy.length; to += size) {
      for (let i = 0; i < size; i += 1) copy[to + i] = bytes[from + i] as number;
      from += size * this.#next(index);
    }
    return copy;
  }

  /** Steps to the next element in row-major order; gives how far that is in the storage, in elements. */
  #next(index: number[]): number {
    let step = 0;
    for (let i = index.length - 1; i >= 0; i -= 1) {
      const stride = this.#strides[i] as number;
      index[i] = (index[i] as number) + 1;
      step += stride;
      if ((index[i] as number) < (this.shape[i] as number)) return step;
      step -= stride * (index[i] as number);
      index[i] = 0;
    }
    return step;
  }
}

/**
 * What the globals of a file of tensors stand for. Nothing here runs code: each makes a tensor or a container.
 *
 * @param refuse makes the error for any other global, and for arguments that make no sense
 */
export function findGlobal(module: string, name: string, refuse: Refuse): Callable {
  const full = `${module}.${name}`;
  const storage = module === 'torch' || module === 'torch.storage' ? STORAGES[name] : undefined;
  if (storage !== undefined && Object.hasOwn(STORAGES, name)) return new StorageType(full, storage);
  if (module === 'torch' && Object.hasOwn(ITEM_SIZES, name)) return new ElementType(name as StoredType);
  const make = Object.hasOwn(GLOBALS, full) ? GLOBALS[full] : undefined;
  if (make === undefined) {
    throw refuse(`it names ${quoted(full)}, which ${meaningOf(full)}`);
  }
  return new Callable(full, (args) => make(args, refuse));
}

/** What a name that is refused says of the file, and what to do. */
function meaningOf(full: string): string {
  if (/^torch\.(.*\.)?(QU?Int\w*Storage|_rebuild_qtensor|per_(tensor|channel)_\w+|qu?int\w+)$/.test(full)) {
    return 'makes quantised tensors; in Python save them as floating point, by .dequantize()';
  }
  if (/^torch\..*sparse/.test(full)) return 'makes sparse tensors; in Python save them dense, by .to_dense()';
  return (
    'is more than tensors and plain containers. Files that bring their own code are not run; in Python save ' +
    'torch.save(model.state_dict(), FILE) instead'
  );
}

type Make = (args: readonly PickleValue[], refuse: Refuse) => PickleValue;

const GLOBALS: Record<string, Make> = {
  'collections.OrderedDict': ([items], refuse) => dictOf(items, refuse),
  'torch._utils._rebuild_tensor': (args, refuse) => tensorOf(args, refuse),
  'torch._utils._rebuild_tensor_v2': (args, refuse) => tensorOf(args, refuse),
  'torch._utils._rebuild_tensor_v3': (args, refuse) => tensorOf(args, refuse, args[6]),
  'torch._utils._rebuild_parameter': ([data], refuse) => parameterOf(data, refuse),
  'torch._utils._rebuild_parameter_with_state': ([data], refuse) => parameterOf(data, refuse),
  'torch._tensor._rebuild_from_type_v2': ([make, , args], refuse) => {
    const isRebuild = make instanceof Callable && make.name.startsWith('torch._utils._rebuild_tensor');
    if (isRebuild && make.call && args instanceof Tuple) return make.call(args.items);
    throw refuse('its pickle rebuilds a tensor of no known kind');
  },
  'torch.Tensor': () => null,
  'torch.nn.parameter.Parameter': ([data = null], refuse) => parameterOf(data, refuse),
  'torch.Size': ([sizes = null]) => sizes,
  'torch.device': ([name = null]) => name,
  'torch.serialization._get_layout': ([name = null]) => name,
  'builtins.set': ([items = []]) => items,
  '__builtin__.set': ([items = []]) => items,
  '_codecs.encode': ([text], refuse) => {
    if (typeof text !== 'string') throw refuse('its pickle encodes what is no text');
    return Buffer.from(text, 'latin1');
  },
};

function dictOf(items: PickleValue | undefined, refuse: Refuse): Dict {
  const dict = new Dict();
  if (items === undefined) return dict;
  if (!Array.isArray(items)) throw refuse('its pickle makes an OrderedDict of what is no list of pairs');
  for (const item of items) {
    const [key, value] = item instanceof Tuple ? item.items : Array.isArray(item) ? item : [];
    if (key === undefined || value === undefined)
      throw refuse('its pickle makes an OrderedDict of what is no pair');
    dict.entries.set(key, value);
  }
  return dict;
}

function parameterOf(data: PickleValue | undefined, refuse: Refuse): TorchTensor {
  if (data instanceof TorchTensor) return data;
  throw refuse('its pickle makes a parameter of what is no tensor');
}

function tensorOf(
  [storage, offset, size, stride]: readonly PickleValue[],
  refuse: Refuse,
  type?: PickleValue,
): TorchTensor {
  if (!(storage instanceof Storage)) throw refuse('its pickle makes a tensor of what is no storage');
  const dtype = type instanceof ElementType ? type.type : storage.type;
  if (dtype === 'untyped') throw refuse('its pickle makes a tensor without a dtype');
  const shape = countsOf(size);
  const strides = countsOf(stride);
  if (!isCount(offset) || !shape || !strides || shape.length !== strides.length) {
    throw refuse('its pickle makes a tensor whose offset, sizes and strides are not counts');
  }
  const last = shape.reduce((sum, side, i) => sum + Math.max(side - 1, 0) * (strides[i] as number), offset);
  const count = shape.reduce((product, side) => product * side, 1);
  const bytes = (count === 0 ? 0 : last + 1) * ITEM_SIZES[dtype];
  const wrong = (problem: string) =>
    refuse(
      `its pickle makes a tensor of shape [${shape.join(', ')}] ${problem} of a storage of ${storage.length}`,
    );
  if (!(bytes <= storage.length)) throw wrong(`that reaches to byte ${bytes}`);
  if (!(count * ITEM_SIZES[dtype] <= Math.max(16 * storage.length, MAX_REPEATED))) {
    throw wrong(`that repeats the bytes`);
  }
  return new TorchTensor(storage, dtype, count === 0 ? 0 : offset, shape, strides);
}

/**
 * The most bytes of a tensor that repeats its storage over and over, as `expand` makes them: a small file must not take
 * much memory.
 */
const MAX_REPEATED = 1 << 20;

/** The most dimensions of a tensor, as PyTorch's own limit. */
const MAX_DIMENSIONS = 64;

function countsOf(value: PickleValue | undefined): number[] | undefined {
  const items = value instanceof Tuple ? value.items : value;
  if (!Array.isArray(items) || items.length > MAX_DIMENSIONS || !items.every(isCount)) return undefined;
  return items as number[];
}

/** Whether a pickle's value can say how many there are of something. */
export function isCount(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
