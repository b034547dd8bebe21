import { InputError } from '../errors.ts';
import { listMinors } from './locate.ts';
import { driverProblem, type NvidiaDriver } from './nvidia.ts';
import { DEFAULT_MINOR, type LibTorchVersion, parseVersion, SUPPORTED_MINORS } from './version.ts';

/** The newest release of each minor version, and its CUDA build on PyPI. */
const RELEASES: Record<string, { version: string; cuda: string }> = {
  '2.11': { version: '2.11.0', cuda: 'cu130' },
  '2.12': { version: '2.12.0', cuda: 'cu130' },
  '2.13': { version: '2.13.0', cuda: 'cu130' },
  '2.14': { version: '2.14.1', cuda: 'cu130' },
};

export interface ReleaseRequest {
  /** Such as `2.13`, `2.13.0`, `2.13.0+cu126`. */
  version?: string | undefined;
  /** By default, chosen by the machine's driver and GPU. */
  build?: 'cpu' | 'cuda' | undefined;
}

/** The engines and the driver of this machine, by which a LibTorch is chosen. */
export interface Surroundings {
  /** The minor versions that have an engine, newest first. */
  engines: readonly string[];
  /** Those of `engines` that come with the library for CUDA graphs. */
  cudaEngines: readonly string[];
  driver: NvidiaDriver | null;
}

/** A LibTorch to install, and the reason as a sentence without a capital or full stop. */
export interface ChosenRelease {
  release: LibTorchVersion;
  reason: string;
}

/**
 * Chooses the LibTorch to install: a CUDA build if it is requested or if the driver and a GPU can use it, of the newest
 * minor version that has an engine with CUDA; else the CPU build of the default version.
 *
 * @throws InputError `INVALID_ARGUMENT` for a version that is malformed, not supported or contradicts `build`
 */
export function chooseRelease({ version, build }: ReleaseRequest, surroundings: Surroundings): ChosenRelease {
  const [, number, variant] = version === undefined ? [] : parseRequest(version);
  if (variant !== undefined && build !== undefined && (variant === 'cpu') !== (build === 'cpu')) {
    throw new InputError('INVALID_ARGUMENT', `--version ${version} contradicts --${build}.`);
  }
  if (variant === 'cpu' || build === 'cpu') return cpuRelease(number, surroundings, 'it was requested');
  const newest = newestForCuda(surroundings);
  if (variant !== undefined || build === 'cuda') {
    return { release: release(number ?? newest, variant ?? 'cuda'), reason: 'it was requested' };
  }

  const forGpu = release(number ?? newest, 'cuda');
  const problem = driverProblem(surroundings.driver, forGpu.cuda ?? '');
  if (problem !== null) return cpuRelease(number, surroundings, problem.text);
  const reason = `the NVIDIA driver ${surroundings.driver?.version} can use CUDA ${forGpu.cuda}`;
  return { release: forGpu, reason };
}

function cpuRelease(number: string | undefined, { engines }: Surroundings, reason: string): ChosenRelease {
  const minor = engines.includes(DEFAULT_MINOR) ? DEFAULT_MINOR : (engines[0] ?? DEFAULT_MINOR);
  return { release: release(number ?? minor, 'cpu'), reason };
}

function newestForCuda({ engines, cudaEngines }: Surroundings): string {
  return cudaEngines[0] ?? engines[0] ?? DEFAULT_MINOR;
}

/** @param number a minor version or a full one */
function release(number: string, variant: string): LibTorchVersion {
  const minor = number.split('.').slice(0, 2).join('.');
  const known = RELEASES[minor];
  if (known === undefined) {
    throw new InputError(
      'INVALID_ARGUMENT',
      `torch-tl cannot use LibTorch ${number}: its engine supports ${listMinors(SUPPORTED_MINORS)}.`,
    );
  }
  const full = number === minor ? known.version : number;
  return parseVersion(`${full}+${variant === 'cuda' ? known.cuda : variant}`, null) as LibTorchVersion;
}

function parseRequest(text: string): RegExpMatchArray {
  const match = text.match(/^(\d+\.\d+(?:\.\d+)?)(?:\+(cpu|cu\d{3}))?$/);
  if (match) return match;
  throw new InputError(
    'INVALID_ARGUMENT',
    `--version must be a version of LibTorch such as ${DEFAULT_MINOR}, 2.13.0 or 2.13.0+cu130, not '${text}'.`,
  );
}
