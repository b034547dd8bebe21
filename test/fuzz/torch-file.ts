import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STORAGES } from '../../lib/formats/pth/tensors.ts';
import { writePth } from '../../lib/formats/pth/write-pth.ts';
import { ITEM_SIZES, type StoredTensor } from '../../lib/formats/stored-tensor.ts';
import { openWeights, readWeights } from '../../lib/weights/read-weights.ts';
import type { MemoryLimit } from './limits.ts';

/*
 * What must hold for every file of torch.save, in whatever format.
 */

/** Tensors that are not in row-major order are copied, up to 2^28 bytes of them. */
export const TORCH_MEMORY: MemoryLimit = { fixed: 384 << 20, perByte: 256 };

/** Reads the bytes as a file of torch.save: lists its tensors, and reads its state_dict, which is written and read again. */
export async function readTorchFile(bytes: Uint8Array, directory: string): Promise<void> {
  const path = join(directory, 'a.pth');
  writeFileSync(path, bytes);
  const listed = await openWeights(path);
  assert.equal(listed.format, 'pth');
  for (const tensor of listed.tensors) requireWhole(tensor);
  const { tensors } = await readWeights(path);
  tensors.forEach(requireWhole);
  const names = tensors.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length, `two tensors have one name: ${names}`);
  const writable = tensors.filter(isWritable);
  if (writable.length === 0) return;
  const copy = join(directory, 'copy.pth');
  await writePth(copy, writable);
  assert.deepEqual((await readWeights(copy)).tensors, writable);
}

/** Whether a tensor has as many bytes as its shape says. */
function requireWhole({ dtype, shape, data }: StoredTensor): void {
  assert.ok(shape.every((side) => Number.isSafeInteger(side) && !Object.is(side, -0) && side >= 0));
  assert.equal(data.length, shape.reduce((product, side) => product * side, 1) * ITEM_SIZES[dtype]);
}

/** What torch-tl writes: dtypes that have a storage, and shapes whose strides are 32-bit integers. */
function isWritable({ dtype, shape }: StoredTensor): boolean {
  const extent = shape.reduce((product, side) => product * Math.max(side, 1), 1);
  return Object.values(STORAGES).includes(dtype) && extent < 2 ** 31;
}
