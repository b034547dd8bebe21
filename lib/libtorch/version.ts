import { join } from 'node:path';
import { readRegularTextSync } from '../support/regular-file.ts';

/** The LibTorch version that torch-tl downloads and is built for by default. */
export const DEFAULT_VERSION = '2.13.0';
export const DEFAULT_MINOR = '2.13';

/** The minor versions that the engine's sources build against. */
export const SUPPORTED_MINORS: readonly string[] = ['2.11', '2.12', '2.13', '2.14'];

export interface LibTorchVersion {
  /** The version without the part after the plus sign, such as `2.13.0`. */
  version: string;
  /** The minor version, such as `2.13`. LibTorch's C++ interface changes between minor versions. */
  minor: string;
  /** `cpu`, or the compute platform, such as `cu130`. */
  variant: string;
  /** The CUDA version, such as `13.0`; null for a build without CUDA. */
  cuda: string | null;
}

/**
 * Reads the version of the LibTorch in `root` as text, from `build-version` in an official archive or from `version.py`
 * in the torch directory of a Python wheel. Returns null if neither names one.
 */
export function readLibTorchVersion(root: string): LibTorchVersion | null {
  const archive = readText(join(root, 'build-version'));
  if (archive !== null) return parseVersion(archive.trim(), null);

  const wheel = readText(join(root, 'version.py'));
  const version = wheel?.match(/^__version__\s*(?::[^=]+)?=\s*['"]([^'"]+)['"]/m)?.[1];
  const cuda = wheel?.match(/^cuda\s*(?::[^=]+)?=\s*['"]([^'"]+)['"]/m)?.[1];
  return version === undefined ? null : parseVersion(version, cuda ?? null);
}

/** The full version, such as `2.13.0+cpu`. */
export function fullVersion({ version, variant }: LibTorchVersion): string {
  return `${version}+${variant}`;
}

/** Parses a full version such as `2.13.0+cu130`; null if it is not one. */
export function parseVersion(text: string, cuda: string | null): LibTorchVersion | null {
  const [, version, minor, local] = text.match(/^((\d+\.\d+)\.\d+[^+]*)(?:\+(.+))?$/) ?? [];
  if (version === undefined || minor === undefined) return null;

  // Builds from source have a commit after the plus sign instead, and macOS wheels have nothing.
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
