import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError, TorchTlError } from '../errors.ts';
import { sha256OfFile, unreadable } from '../files.ts';
import { nearest } from '../nearest.ts';

/** The weights of `--init pretrained` where the user names none. */
export const DEFAULT_WEIGHTS = 'tiny-imagenet';

/** Weights as results record them. */
export interface WeightsSource {
  /** The catalogue's name, or the file's absolute path. */
  source: string;
  /** The file to read, absolute. */
  path: string;
  /** Of the whole file, lower-case hexadecimal. */
  sha256: string;
  /** What the weights learnt from; null where only the file itself could say. */
  trainedOn: string | null;
}

interface EmbeddedWeights {
  file: string;
  sha256: string;
  trainedOn: string;
}

/** assets/README.md says where each comes from and on which terms. */
const EMBEDDED = new Map<string, EmbeddedWeights>([
  [
    'tiny-imagenet',
    {
      file: 'densenet121-tiny-imagenet.safetensors',
      sha256: '7596e3f6388d27feb465a434e68af7febe3bd33d833865f7f0c5a293c9cb786f',
      trainedOn: 'Tiny ImageNet, 50,000 pictures of 200 classes',
    },
  ],
]);

const IMAGENET_HELP =
  "The weights 'imagenet' are not embedded in torch-tl. Give a safetensors file of torchvision's " +
  'densenet121 by its path instead; Python writes one with ' +
  "safetensors.torch.save_file(torchvision.models.densenet121(weights='DEFAULT').state_dict(), " +
  "'densenet121.safetensors').";

/**
 * Finds weights by name or by file. A name of the catalogue goes before a file of that name, which
 * `./NAME` reaches.
 *
 * @throws InputError `WEIGHTS_NOT_FOUND`, `FILE_UNREADABLE`; TorchTlError `WEIGHTS_INVALID` where the
 *   embedded file is damaged
 */
export async function resolveWeights(nameOrFile: string): Promise<WeightsSource> {
  const embedded = EMBEDDED.get(nameOrFile);
  if (embedded) return resolveEmbedded(nameOrFile, embedded);
  if (nameOrFile === 'imagenet') throw new InputError('WEIGHTS_NOT_FOUND', IMAGENET_HELP);
  const path = resolve(nameOrFile);
  await checkIsFile(nameOrFile, path);
  return { source: path, path, sha256: await sha256OfFile(path), trainedOn: null };
}

async function resolveEmbedded(
  name: string,
  { file, sha256, trainedOn }: EmbeddedWeights,
): Promise<WeightsSource> {
  const path = fileURLToPath(new URL(`../../assets/${file}`, import.meta.url));
  const actual = await sha256OfFile(path);
  if (actual !== sha256) {
    throw new TorchTlError(
      'WEIGHTS_INVALID',
      `${path} is damaged: its SHA-256 is ${actual}, expected ${sha256}. Install torch-tl again.`,
    );
  }
  return { source: name, path, sha256, trainedOn };
}

async function checkIsFile(given: string, path: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw unreadable(path, cause);
    throw notFound(given, path);
  }
  throw new InputError('FILE_UNREADABLE', `${path} is no regular file; weights are read from one file.`);
}

function notFound(given: string, path: string): InputError {
  const names = [...EMBEDDED.keys(), 'imagenet'];
  const meant = nearest(given, names);
  const hint = meant ? ` Did you mean '${meant}'?` : '';
  return new InputError(
    'WEIGHTS_NOT_FOUND',
    `No weights are called '${given}', and there is no file ${path}.${hint} Known names: ${names.join(', ')}.`,
  );
}
