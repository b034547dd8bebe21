import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError, TorchTlError } from '../errors.ts';
import { cacheDirectory } from '../support/cache-directory.ts';
import { hashOfFile, unreadable } from '../support/files.ts';
import { nearest } from '../support/nearest.ts';
import { nearestPath } from '../support/nearest-path.ts';
import { packageRoot } from '../support/package-root.ts';
import { kindOf } from '../support/regular-file.ts';
import { storedPath } from '../support/stored-path.ts';

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

/** Weights that can be named: a file of DenseNet-121 under torchvision's names. */
export interface NamedWeights {
  name: string;
  file: string;
  /** Of the file, or how that begins where its publisher says no more. */
  sha256: string;
  trainedOn: string;
  terms: string;
  /** Where the file is fetched from when asked for; null where it is embedded in the package. */
  url: string | null;
}

export const CATALOGUE: readonly NamedWeights[] = [
  {
    // assets/README.md says how it was made.
    name: 'tiny-imagenet',
    file: 'densenet121-tiny-imagenet.safetensors',
    sha256: '7596e3f6388d27feb465a434e68af7febe3bd33d833865f7f0c5a293c9cb786f',
    trainedOn: 'Tiny ImageNet, 50,000 images of 200 classes',
    terms: 'Made for this project. ImageNet, from which its images come, allows research use only.',
    url: null,
  },
  {
    // torchvision's IMAGENET1K_V1, as timm published it; the hash is that of the hub's page of the file,
    // https://huggingface.co/timm/densenet121.tv_in1k/blob/main/model.safetensors
    name: 'imagenet',
    file: 'densenet121-imagenet.safetensors',
    sha256: 'c894c6d9caa317a8ca1942986dee7a16a86c77734a4d691d2abe05389cfef358',
    trainedOn: 'ImageNet-1k, 1.28 million images of 1,000 classes',
    terms:
      'Apache-2.0 by its model card. ImageNet allows research use only; torchvision leaves it to users ' +
      'whether that binds them.',
    url: 'https://huggingface.co/timm/densenet121.tv_in1k/resolve/d42603aa2960ebf044e46628536b6f0edf7c0c6b/model.safetensors',
  },
  {
    // The same as torchvision itself publishes them; their name says how their hash begins.
    name: 'imagenet-torchvision',
    file: 'densenet121-a639ec97.pth',
    sha256: 'a639ec97',
    trainedOn: 'ImageNet-1k, 1.28 million images of 1,000 classes',
    terms:
      'torchvision says nothing of them beside the BSD-3-Clause licence of its code. ImageNet allows research use only; ' +
      'torchvision leaves it to users whether that binds them.',
    url: 'https://download.pytorch.org/models/densenet121-a639ec97.pth',
  },
];

/** The error for weights of the catalogue that were not downloaded yet. */
export class NotDownloaded extends InputError {
  readonly weights: NamedWeights;

  constructor(weights: NamedWeights, path: string) {
    const { name } = weights;
    const said = (call: string) =>
      `The weights '${name}' are not on this machine: there is no ${path}. Fetch them once with \`${call}\`, or give a ` +
      'file of safetensors or of torch.save by its path.';
    super('WEIGHTS_NOT_FOUND', said(`await downloadWeights('${name}')`), {
      atCommandLine: said(`npx torch-tl weights download ${name}`),
    });
    this.name = InputError.name;
    this.weights = weights;
  }
}

/**
 * Finds weights by name, by file, or by the directory of a run, which stands for its best model. A name of the catalogue
 * goes before a file of that name, which `./NAME` reaches. Nothing is fetched.
 *
 * @throws InputError `WEIGHTS_NOT_FOUND`, also for named weights that were not downloaded yet;
 *   `FILE_UNREADABLE`; TorchTlError `WEIGHTS_INVALID` where the file of named weights is damaged; the signal's reason
 */
export async function resolveWeights(nameOrFile: string, signal?: AbortSignal): Promise<WeightsSource> {
  const named = CATALOGUE.find(({ name }) => name === nameOrFile);
  if (named) return resolveNamed(named, signal);
  const path = await findFile(nameOrFile);
  return { source: path, path, sha256: await hashOfFile(path, { signal }), trainedOn: null };
}

/**
 * The same where only the path is of interest, absolute: a file of the user's is not hashed.
 *
 * @throws as `resolveWeights`
 */
export async function findWeights(nameOrFile: string): Promise<string> {
  const named = CATALOGUE.find(({ name }) => name === nameOrFile);
  return named ? (await resolveNamed(named)).path : findFile(nameOrFile);
}

/** The same for weights of the catalogue, or like those. */
export async function resolveNamed(weights: NamedWeights, signal?: AbortSignal): Promise<WeightsSource> {
  const { name, sha256, trainedOn, url } = weights;
  const path = weightsPath(weights);
  if (url !== null && (await infoOf(path)) === null) throw new NotDownloaded(weights, path);
  const actual = await hashOfFile(path, { signal });
  if (actual.startsWith(sha256)) return { source: name, path, sha256: actual, trainedOn };
  const said = (call: string) =>
    `${path} is damaged: its SHA-256 is ${actual}, expected ${sha256}. ` +
    (url === null ? 'Install torch-tl again.' : `Fetch it again with ${call}.`);
  throw new TorchTlError('WEIGHTS_INVALID', said(`downloadWeights('${name}')`), {
    atCommandLine: said(`\`npx torch-tl weights download ${name}\``),
  });
}

/** Where the file of named weights belongs; `directory` is where downloaded ones are kept. */
export function weightsPath(
  { file, url }: NamedWeights,
  directory = join(cacheDirectory(), 'weights'),
): string {
  return url === null ? join(packageRoot, 'assets', file) : resolve(directory, file);
}

/**
 * That no weights have a name, with the name that may be meant.
 *
 * @param alsoTried says what else was looked for
 * @param nearFile a file that may be meant
 */
export function unknownWeights(name: string, alsoTried = '', nearFile?: string): InputError {
  const names = CATALOGUE.map((weights) => weights.name);
  const meant = nearest(name, names) ?? nearFile;
  const hint = meant ? ` Did you mean '${meant}'?` : '';
  return new InputError(
    'WEIGHTS_NOT_FOUND',
    `No weights are called '${name}'${alsoTried}.${hint} Known names: ${names.join(', ')}.`,
  );
}

/** A file's absolute path, or that of the best model where a run's directory is named. */
async function findFile(file: string): Promise<string> {
  const path = resolve(file);
  const info = await infoOf(path);
  if (info === null) throw unknownWeights(file, `, and there is no file ${path}`, await nearestPath(file));
  if (info.isFile()) return path;
  if (!info.isDirectory()) {
    throw new InputError(
      'FILE_UNREADABLE',
      `${path} is ${kindOf(info)}, not a regular file; weights are read from one file.`,
    );
  }
  const best = join(path, BEST);
  if ((await infoOf(best))?.isFile()) return best;
  const isRun = (await infoOf(join(path, 'config.json'))) !== null;
  const why = isRun ? `the run in it has no ${BEST} yet` : `it is no run's, which would hold ${BEST}`;
  throw new InputError(
    'FILE_UNREADABLE',
    `${path} is a directory, and ${why}; weights are read from one file.`,
  );
}

/** The best model of a run, in its directory. */
const BEST = 'best.safetensors';

/** Null where there is nothing. */
async function infoOf(path: string): Promise<Stats | null> {
  return stat(await storedPath(path)).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return null;
    throw unreadable(path, cause);
  });
}
