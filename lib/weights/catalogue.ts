import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { InputError, TorchTlError } from '../errors.ts';
import { cacheDirectory } from '../support/cache-directory.ts';
import { hashOfFile, unreadable } from '../support/files.ts';
import { nearest } from '../support/nearest.ts';
import { nearestPath, pathHint } from '../support/nearest-path.ts';
import { packageRoot } from '../support/package-root.ts';
import { kindOf } from '../support/regular-file.ts';
import { storedPath } from '../support/stored-path.ts';

/** Where weights come from, as results record it. */
export interface WeightsSource {
  /** The name in the catalogue, or the absolute path of the file. */
  source: string;
  /** Absolute path of the file to read. */
  path: string;
  /** SHA-256 of the whole file in lower-case hexadecimal. */
  sha256: string;
  /** The data that the weights were trained on; null for a file given by path. */
  trainedOn: string | null;
}

/** Weights in the catalogue: a file of DenseNet-121's tensors under torchvision's names. */
export interface NamedWeights {
  name: string;
  file: string;
  /** SHA-256 of the file, or its first digits if the publisher gives no more. */
  sha256: string;
  trainedOn: string;
  terms: string;
  /** Download URL; null for weights embedded in the package. */
  url: string | null;
}

export const CATALOGUE: readonly NamedWeights[] = [
  {
    // assets/README.md says how it was made.
    name: 'tiny-imagenet-distilled',
    file: 'densenet121-tiny-imagenet-distilled.safetensors',
    sha256: '87db690c428ccef901fdc4f8aace5cc7d97e09becd0e295b1d45a98f86929c62',
    trainedOn: 'Tiny ImageNet, 50,000 images, taught by an ImageNet MobileNetV2',
    terms: 'Made for this project. ImageNet, from which its images come, allows research use only.',
    url: null,
  },
  {
    // torchvision's IMAGENET1K_V1 as published by timm; the hash is from the hub's page of the file,
    // https://huggingface.co/timm/densenet121.tv_in1k/blob/main/model.safetensors
    name: 'imagenet',
    file: 'densenet121-imagenet.safetensors',
    sha256: 'c894c6d9caa317a8ca1942986dee7a16a86c77734a4d691d2abe05389cfef358',
    trainedOn: 'ImageNet-1k, 1.28 million images of 1,000 classes',
    terms:
      'Apache-2.0 by its model card. ImageNet allows research use only; torchvision leaves it to users to decide ' +
      'whether that applies to them.',
    url: 'https://huggingface.co/timm/densenet121.tv_in1k/resolve/d42603aa2960ebf044e46628536b6f0edf7c0c6b/model.safetensors',
  },
  {
    // The same weights as published by torchvision; the file's name contains the first digits of its hash.
    name: 'imagenet-torchvision',
    file: 'densenet121-a639ec97.pth',
    sha256: 'a639ec97',
    trainedOn: 'ImageNet-1k, 1.28 million images of 1,000 classes',
    terms:
      'torchvision states no terms besides the BSD-3-Clause licence of its code. ImageNet allows research use only; ' +
      'torchvision leaves it to users to decide whether that applies to them.',
    url: 'https://download.pytorch.org/models/densenet121-a639ec97.pth',
  },
];

/** Weights that the package once embedded. A file of them is still recognised. */
const RETIRED: readonly NamedWeights[] = [
  {
    name: 'tiny-imagenet',
    file: 'densenet121-tiny-imagenet.safetensors',
    sha256: '7596e3f6388d27feb465a434e68af7febe3bd33d833865f7f0c5a293c9cb786f',
    trainedOn: 'Tiny ImageNet, 50,000 images of 200 classes',
    terms: 'Made for this project. ImageNet, from which its images come, allows research use only.',
    url: null,
  },
];

/** The error for weights of the catalogue that have not been downloaded. */
export class NotDownloaded extends InputError {
  readonly weights: NamedWeights;

  constructor(weights: NamedWeights, path: string) {
    const { name } = weights;
    const message = (call: string) =>
      `The weights '${name}' are not on this machine: there is no ${path}. Download them once with \`${call}\`, or give ` +
      'the path of a safetensors or torch.save file.';
    super('WEIGHTS_NOT_FOUND', message(`await downloadWeights('${name}')`), {
      atCommandLine: message(`npx torch-tl weights download ${name}`),
    });
    this.name = InputError.name;
    this.weights = weights;
  }
}

/**
 * Finds weights by name, by path, or by a run directory, which stands for its best model. A name in the catalogue takes
 * precedence over a file of that name; use `./NAME` for the file. Nothing is downloaded.
 *
 * @throws InputError `WEIGHTS_NOT_FOUND`, also for named weights that have not been downloaded; `FILE_UNREADABLE`;
 *   TorchTlError `WEIGHTS_INVALID` if the file of named weights is damaged; the signal's reason after an abort
 */
export async function resolveWeights(nameOrFile: string, signal?: AbortSignal): Promise<WeightsSource> {
  const named = CATALOGUE.find(({ name }) => name === nameOrFile);
  if (named) return resolveNamed(named, signal);
  const path = await findFile(nameOrFile);
  const sha256 = await hashOfFile(path, { signal });
  const retired = RETIRED.find((weights) => weights.sha256 === sha256);
  return { source: retired?.name ?? path, path, sha256, trainedOn: retired?.trainedOn ?? null };
}

/**
 * As `resolveWeights`, but returns only the absolute path and does not hash a file given by path.
 *
 * @throws as `resolveWeights`
 */
export async function findWeights(nameOrFile: string): Promise<string> {
  const named = CATALOGUE.find(({ name }) => name === nameOrFile);
  return named ? (await resolveNamed(named)).path : findFile(nameOrFile);
}

/** As `resolveWeights`, for an entry of the catalogue or one like it. */
export async function resolveNamed(weights: NamedWeights, signal?: AbortSignal): Promise<WeightsSource> {
  const { name, sha256, trainedOn, url } = weights;
  const path = weightsPath(weights);
  if (url !== null && (await infoOf(path)) === null) throw new NotDownloaded(weights, path);
  const actual = await hashOfFile(path, { signal });
  if (actual.startsWith(sha256)) return { source: name, path, sha256: actual, trainedOn };
  const message = (call: string) =>
    `${path} is damaged: its SHA-256 is ${actual}, expected ${sha256}. ` +
    (url === null ? 'Reinstall torch-tl.' : `Download it again with ${call}.`);
  throw new TorchTlError('WEIGHTS_INVALID', message(`downloadWeights('${name}')`), {
    atCommandLine: message(`\`npx torch-tl weights download ${name}\``),
  });
}

/** Path of the file of named weights; `directory` holds the downloaded ones. */
export function weightsPath(
  { file, url }: NamedWeights,
  directory = join(cacheDirectory(), 'weights'),
): string {
  return url === null ? join(packageRoot, 'assets', file) : resolve(directory, file);
}

/**
 * The error for an unknown name of weights, with a suggestion.
 *
 * @param alsoTried a clause about what else was searched for
 * @param nearFile a path to suggest if no name is similar
 */
export function unknownWeights(name: string, alsoTried = '', nearFile?: string): InputError {
  const names = CATALOGUE.map((weights) => weights.name);
  const near = nearest(name, [...names, ...RETIRED.map((weights) => weights.name)]);
  const isRetired = RETIRED.some((weights) => weights.name === near);
  const meant = (isRetired ? CATALOGUE[0]?.name : near) ?? nearestBeginning(name, names) ?? nearFile;
  const hint = meant ? ` Did you mean '${meant}'?` : '';
  return new InputError(
    'WEIGHTS_NOT_FOUND',
    `No weights are called '${name}'${alsoTried}.${hint} Known names: ${names.join(', ')}.`,
  );
}

/** The first of the names whose first words `name` probably meant: nobody types all of a long one. */
function nearestBeginning(name: string, names: readonly string[]): string | undefined {
  const words = name.split('-').length;
  const beginnings = names.map((known) => known.split('-').slice(0, words).join('-'));
  const near = nearest(name, beginnings);
  return near === undefined ? undefined : names[beginnings.indexOf(near)];
}

function noLongerEmbedded({ name, file, sha256 }: NamedWeights): InputError {
  const now = CATALOGUE.filter(({ url }) => url === null).map((weights) => `'${weights.name}'`);
  return new InputError(
    'WEIGHTS_NOT_FOUND',
    `The weights '${name}' are no longer embedded: ${now.join(', ')} took their place. To use them all the same, give the path ` +
      `of ${file} from an earlier version of torch-tl (SHA-256 ${sha256}).`,
  );
}

/** Absolute path of a file, or of the best model if `file` is a run directory. */
async function findFile(file: string): Promise<string> {
  const path = resolve(file);
  const info = await infoOf(path);
  const retired = RETIRED.find(({ name }) => name === file);
  if (info === null && retired) throw noLongerEmbedded(retired);
  // No name has a folder before it.
  if (info === null && file !== basename(file)) {
    const hint = await pathHint(file);
    throw new InputError('WEIGHTS_NOT_FOUND', `There is no file ${path}, and so no weights.${hint}`);
  }
  if (info === null) throw unknownWeights(file, `, and there is no file ${path}`, await nearestPath(file));
  if (info.isFile()) return path;
  if (!info.isDirectory()) {
    throw new InputError(
      'FILE_UNREADABLE',
      `${path} is ${kindOf(info)}, not a regular file. Name a file of weights or a run directory.`,
    );
  }
  const best = join(path, BEST);
  if ((await infoOf(best))?.isFile()) return best;
  const isRun = (await infoOf(join(path, 'config.json'))) !== null;
  throw new InputError(
    'FILE_UNREADABLE',
    isRun
      ? `The run in ${path} has no ${BEST} yet. Name a file of weights or another run directory.`
      : `${path} is a directory but not a run directory: it has no ${BEST}. Name a file of weights or a run directory.`,
  );
}

/** Name of the file with a run's best model. */
const BEST = 'best.safetensors';

/** File status, or null if the path does not exist. */
async function infoOf(path: string): Promise<Stats | null> {
  return stat(await storedPath(path)).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return null;
    throw unreadable(path, cause);
  });
}
