import { readCifar10Binary } from './binary.ts';
import type { Cifar10 } from './format.ts';
import { readCifar10Python } from './python.ts';

/** Whether a directory with these entries contains CIFAR-10's official batches, binary or for Python. */
export function holdsBatches(names: readonly string[]): boolean {
  return isBinary(names) || names.some((name) => /^(cifar-10-batches-py|data_batch_\d+)$/i.test(name));
}

/**
 * Reads CIFAR-10 from a directory with the entries `names`. `validation` is the name of the file with the validation
 * images.
 *
 * @throws InputError `DATA_NOT_FOUND` or `DATA_INVALID` with the path of the file
 */
export async function readCifar10(
  directory: string,
  names: readonly string[],
): Promise<Cifar10 & { validation: string }> {
  if (isBinary(names)) return { ...(await readCifar10Binary(directory)), validation: 'test_batch.bin' };
  return { ...(await readCifar10Python(directory)), validation: 'test_batch' };
}

function isBinary(names: readonly string[]): boolean {
  return names.some((name) => /\.bin$|^cifar-10-batches-bin$/i.test(name));
}
