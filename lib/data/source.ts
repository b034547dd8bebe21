import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDirectory } from '../cache-directory.ts';
import { InputError } from '../errors.ts';
import { unreadable } from '../files.ts';
import { nearest } from '../nearest.ts';
import { type Cifar10, readCifar10Binary } from './cifar10.ts';

export type { PictureSet } from './picture-set.ts';

/** Data to train with, and what results say of it. */
export interface OpenedData extends Cifar10 {
  /** `cifar10` or `cifar10-sample`. */
  name: string;
  /** The absolute path, or `embedded sample`. */
  source: string;
}

const ONLY_BINARY =
  'this version reads the official binary batches of CIFAR-10 only (data_batch_*.bin, test_batch.bin)';

/**
 * Opens what `--data` names.
 *
 * @param spec a directory of CIFAR-10's official binary batches; `sample` for the embedded sample;
 *   or `auto` for the directory in `TORCH_TL_DATA`, else the downloaded CIFAR-10, else the sample
 * @throws InputError `DATA_NOT_FOUND` or `DATA_INVALID`, naming the absolute path
 */
export async function openData(spec: string): Promise<OpenedData> {
  if (spec === 'sample') return openSample();
  if (spec !== 'auto') return openDirectory(spec);
  if (process.env.TORCH_TL_DATA) return openDirectory(process.env.TORCH_TL_DATA);
  const downloaded = join(cacheDirectory(), 'cifar10');
  return (await isDirectory(downloaded)) ? openDirectory(downloaded) : openSample();
}

async function openSample(): Promise<OpenedData> {
  const directory = fileURLToPath(new URL('../../assets/cifar10-sample', import.meta.url));
  return { name: 'cifar10-sample', source: 'embedded sample', ...(await readCifar10Binary(directory)) };
}

async function openDirectory(spec: string): Promise<OpenedData> {
  const source = resolve(spec);
  if (!(await isDirectory(source))) throw notFound(spec, source);
  await refuseOtherForms(source);
  return { name: 'cifar10', source, ...(await readCifar10Binary(source)) };
}

/** False where nothing has that name. */
async function isDirectory(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw unreadable(path, cause, 'DATA_INVALID');
  }
  throw new InputError('DATA_INVALID', `${path} is no directory; ${ONLY_BINARY}.`);
}

function notFound(spec: string, path: string): InputError {
  const meant = nearest(spec, ['auto', 'sample']);
  const hint = meant ? ` Did you mean '${meant}'?` : '';
  return new InputError('DATA_NOT_FOUND', `There is no directory ${path} to read data from.${hint}`);
}

/** Names the forms of data that later versions will read, so that nobody looks for a missing file. */
async function refuseOtherForms(directory: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (cause) {
    throw unreadable(directory, cause, 'DATA_INVALID');
  }
  if (names.some((name) => name.endsWith('.bin') || name === 'cifar-10-batches-bin')) return;
  const form = otherForm(names);
  if (form) throw new InputError('DATA_INVALID', `${directory} holds ${form}; ${ONLY_BINARY}.`);
}

function otherForm(names: string[]): string | undefined {
  if (names.includes('cifar-10-batches-py') || names.includes('data_batch_1'))
    return 'CIFAR-10 as Python batches';
  if (names.includes('train')) return 'a folder of pictures (train/)';
  const archive = names.find((name) => /\.(tar|tar\.gz|tgz|tar\.xz|zip)$/.test(name));
  return archive && `an archive that is still packed (${archive})`;
}
