import { join } from 'node:path';
import { readRegularTextSync } from '../support/regular-file.ts';

/** The LibTorch that torch-tl fetches and is built for unless told otherwise. */
export const DEFAULT_VERSION = '2.13.0';
export const DEFAULT_MINOR = '2.13';

/** The minor versions that the engine's sources build against. */
export const SUPPORTED_MINORS: readonly string[] = ['2.11', '2.12', '2.13', '2.14'];

export interface LibTorchVersion {
  /** Without the part after the plus sign, such as `2.13.0`. */
  version: string;
  /** LibTorch's C++ interface changes between these: `2.13`. */
  minor: string;
  /** `cpu`, or the compute platform, such as `cu130`. */
  variant: string;
  /** The CUDA version, such as `13.0`; null where the build has none. */
  cuda: string | null;
}

/**
 * The version of the LibTorch in `root`, read as text: from `build-version` in an official archive,
 * else from `version.py` in the torch directory of a Python wheel. Null where neither tells.
 */
export function readLibTorchVersion(root: string): LibTorchVersion | null {
  const archive = readText(join(root, 'build-version'));
  if (archive !== null) return parseVersion(archive.trim(), null);

  const wheel = readText(join(root, 'version.py'));
  const version = wheel?.match(/^__version__\s*(?::[^=]+)?=\s*['"]([^'"]+)['"]/m)?.[1];
  const cuda = wheel?.match(/^cuda\s*(?::[^=]+)?=\s*['"]([^'"]+)['"]/m)?.[1];
  return version === undefined ? null : parseVersion(version, cuda ?? null);
}

/** How people know a LibTorch, such as `2.13.0+cpu`. */
export function fullVersion({ version, variant }: LibTorchVersion): string {
  return `${version}+${variant}`;
}

/** What a full version such as `2.13.0+cu130` tells; null where it is none. */
export function parseVersion(text: string, cuda: string | null): LibTorchVersion | null {
  const [, version, minor, local] = text.match(/^((\d+\.\d+)\.\d+[^+]*)(?:\+(.+))?$/) ?? [];
  if (version === undefined || minor === undefined) return null;

  // Builds from source have a commit there instead, and macOS wheels nothing.
  const named = local?.match(/^(?:cpu|cu\d+|rocm[\d.]+|xpu)$/)?.[0];
  const variant = named ?? (cuda === null ? 'cpu' : `cu${cuda.replaceAll('.', '')}`);
  const [, major, rest] = variant.match(/^cu(\d+)(\d)$/) ?? [];
  return { version, minor, variant, cuda: cuda ?? (major === undefined ? null : `${major}.${rest}`) };
}

function readText(path: string): string | null {
  try {
    return readRegularTextSync(path);
  } catch {
    return null;
  }
}
