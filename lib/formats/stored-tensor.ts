import type { HostTensor, TensorType } from '../engine/native-computation.ts';

/** Bytes per element, by PyTorch's names of dtypes. */
export const ITEM_SIZES = {
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  bool: 1,
  complex32: 4,
  complex64: 8,
  complex128: 16,
  float8_e4m3fn: 1,
  float8_e4m3fnuz: 1,
  float8_e5m2: 1,
  float8_e5m2fnuz: 1,
} as const;

/** The dtypes of tensors in files; the engine supports fewer. */
export type StoredType = keyof typeof ITEM_SIZES;

/** A tensor in a file: contiguous, row-major, little-endian. */
export interface StoredTensor extends Omit<HostTensor, 'dtype'> {
  dtype: StoredType;
}

const ENGINE_TYPES: ReadonlySet<StoredType> = new Set<TensorType>([
  'float16',
  'bfloat16',
  'float32',
  'float64',
  'int64',
  'uint8',
]);

/** Whether the engine supports the dtype of a tensor. */
export function isHostTensor(tensor: StoredTensor): tensor is HostTensor {
  return ENGINE_TYPES.has(tensor.dtype);
}
