import { writeFileAtomically } from '../../files/atomic-file.ts';
import * as pickle from '../pickle-writer.ts';
import type { StoredTensor, StoredType } from '../stored-tensor.ts';
import { STORAGES } from './tensors.ts';
import { zipArchive } from './zip-writer.ts';

/**
 * Writes tensors, in the given order, as a state_dict that `torch.load(FILE, weights_only=True)` reads. The write is
 * atomic.
 *
 * @throws TorchTlError `WRITE_FAILED`
 */
export async function writePth(path: string, tensors: readonly StoredTensor[]): Promise<void> {
  const orderedDict = pickle.call(pickle.global('collections', 'OrderedDict'));
  const state = tensors.map((tensor, index) => [tensor.name, rebuilt(tensor, String(index))] as const);
  const files: Array<[string, Uint8Array]> = [
    ['archive/data.pkl', pickle.program(pickle.dict(state, orderedDict))],
    ['archive/byteorder', Buffer.from('little')],
    ...tensors.map(({ data }, index): [string, Uint8Array] => [`archive/data/${index}`, data]),
    ['archive/version', Buffer.from('3\n')],
  ];
  await writeFileAtomically(path, zipArchive(files));
}

/** The pickle of a contiguous tensor with its own storage. */
export function rebuilt({ dtype, shape }: Pick<StoredTensor, 'dtype' | 'shape'>, key: string): Buffer {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((product, side) => product * side, 1));
  const count = shape.reduce((product, side) => product * side, 1);
  return pickle.call(
    pickle.global('torch._utils', '_rebuild_tensor_v2'),
    storage(storageName(dtype), key, count),
    pickle.integer(0),
    pickle.tuple(...shape.map(pickle.integer)),
    pickle.tuple(...strides.map(pickle.integer)),
    pickle.FALSE,
    pickle.call(pickle.global('collections', 'OrderedDict')),
  );
}

/** The pickle of a reference to a storage of `count` elements outside the pickle. */
export function storage(type: string, key: string, count: number): Buffer {
  const [kind, place] = [pickle.text('storage'), pickle.text('cpu')];
  return pickle.persistent(
    pickle.tuple(kind, pickle.global('torch', type), pickle.text(key), place, pickle.integer(count)),
  );
}

function storageName(dtype: StoredType): string {
  for (const [name, type] of Object.entries(STORAGES)) if (type === dtype) return name;
  throw new Error(`PyTorch has no storage type for the dtype ${dtype}`);
}
