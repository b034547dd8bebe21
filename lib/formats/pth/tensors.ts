import { allocateBytes } from '../../support/allocate.ts';
import { quoted, type Refuse } from '../../support/quoted.ts';
import { Callable, Dict, encodedBytes, PickledObject, type PickleValue, Tuple } from '../pickle.ts';
import { ITEM_SIZES, type StoredType } from '../stored-tensor.ts';

/*
 * The objects that a pickle of torch.save may create: storages, tensors over them and a few plain containers.
 */

/**
 * Dtypes of PyTorch's storage types. A tensor has the dtype of its storage; for an untyped storage it names its own.
 */
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

  /** Bytes per element. */
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

/** A storage: the bytes behind one or several tensors. */
export class Storage extends PickledObject {
  readonly type: StoredType | 'untyped';
  /** Size in bytes, from the pickle. */
  readonly length: number;
  /** Returns the `length` bytes; throws if they are missing or damaged. */
  readonly read: () => Uint8Array;

  constructor(type: StoredType | 'untyped', length: number, read: () => Uint8Array) {
    super();
    this.type = type;
    this.length = length;
    this.read = read;
  }
}

/** A tensor: a view of a storage, with offset and strides in elements. */
export class TorchTensor extends PickledObject {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly #storage: Storage;
  readonly #offset: number;
  readonly #strides: readonly number[];

  /** The view must lie within the storage. */
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

  /** Size in bytes of all elements, which may be more than memory holds. */
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

  /** The elements in row-major order, little-endian. A view of the storage if the tensor is contiguous, else a copy. */
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

  /** Advances `index` to the next element in row-major order. Returns the distance in the storage, in elements. */
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
 * Resolves a global in a file of tensors. No code of the file runs: each global makes a tensor or a container.
 *
 * @param refuse makes the error for any other global and for invalid arguments
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

/** Why a global is refused, and what to do about the file. */
function meaningOf(full: string): string {
  if (/^torch\.(.*\.)?(QU?Int\w*Storage|_rebuild_qtensor|per_(tensor|channel)_\w+|qu?int\w+)$/.test(full)) {
    return 'makes quantised tensors; in Python, convert them with .dequantize() before saving';
  }
  if (/^torch\..*sparse/.test(full))
    return 'makes sparse tensors; in Python, convert them with .to_dense() before saving';
  return (
    'is neither a tensor nor a plain container. Code in files is never run; in Python, use ' +
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
    throw refuse('its pickle rebuilds a tensor of an unknown type');
  },
  'torch.Tensor': () => null,
  'torch.nn.parameter.Parameter': ([data = null], refuse) => parameterOf(data, refuse),
  'torch.Size': ([sizes = null]) => sizes,
  'torch.device': ([name = null]) => name,
  'torch.serialization._get_layout': ([name = null]) => name,
  'builtins.set': ([items = []]) => items,
  '__builtin__.set': ([items = []]) => items,
  '_codecs.encode': encodedBytes,
};

function dictOf(items: PickleValue | undefined, refuse: Refuse): Dict {
  const dict = new Dict();
  if (items === undefined) return dict;
  if (!Array.isArray(items)) throw refuse('its pickle makes an OrderedDict from a value that is not a list');
  for (const item of items) {
    const [key, value] = item instanceof Tuple ? item.items : Array.isArray(item) ? item : [];
    if (key === undefined || value === undefined)
      throw refuse('its pickle makes an OrderedDict from items that are not pairs');
    dict.entries.set(key, value);
  }
  return dict;
}

function parameterOf(data: PickleValue | undefined, refuse: Refuse): TorchTensor {
  if (data instanceof TorchTensor) return data;
  throw refuse('its pickle makes a parameter from a value that is not a tensor');
}

function tensorOf(
  [storage, offset, size, stride]: readonly PickleValue[],
  refuse: Refuse,
  type?: PickleValue,
): TorchTensor {
  if (!(storage instanceof Storage))
    throw refuse('its pickle makes a tensor from a value that is not a storage');
  const dtype = type instanceof ElementType ? type.type : storage.type;
  if (dtype === 'untyped') throw refuse('its pickle makes a tensor without a dtype');
  const shape = countsOf(size);
  const strides = countsOf(stride);
  if (!isCount(offset) || !shape || !strides || shape.length !== strides.length) {
    throw refuse('its pickle makes a tensor whose offset, sizes and strides are not integers of at least 0');
  }
  const last = shape.reduce((sum, side, i) => sum + Math.max(side - 1, 0) * (strides[i] as number), offset);
  const count = shape.reduce((product, side) => product * side, 1);
  const bytes = (count === 0 ? 0 : last + 1) * ITEM_SIZES[dtype];
  const wrong = (problem: string) =>
    refuse(
      `its pickle makes a tensor of shape [${shape.join(', ')}] ${problem} of a storage of ${storage.length} bytes`,
    );
  if (!(bytes <= storage.length)) throw wrong(`that extends to byte ${bytes}`);
  if (!(count * ITEM_SIZES[dtype] <= Math.max(16 * storage.length, MAX_REPEATED))) {
    throw wrong(`that repeats the bytes`);
  }
  return new TorchTensor(storage, dtype, count === 0 ? 0 : offset, shape, strides);
}

/**
 * Largest size in bytes of a tensor that repeats its storage, as `expand` does. A small file must not take much memory.
 */
const MAX_REPEATED = 1 << 20;

/** Largest number of dimensions of a tensor, PyTorch's own limit. */
const MAX_DIMENSIONS = 64;

function countsOf(value: PickleValue | undefined): number[] | undefined {
  const items = value instanceof Tuple ? value.items : value;
  if (!Array.isArray(items) || items.length > MAX_DIMENSIONS || !items.every(isCount)) return undefined;
  return items as number[];
}

/** Whether a pickle's value is an integer of at least 0. */
export function isCount(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);
}
