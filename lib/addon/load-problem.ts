import { type ErrorCode, TorchTlError } from '../errors.ts';
import { elfProblem, neededGlibc } from './elf.ts';
import type { AddonFile } from './engines.ts';
import { glibcVersion } from './platform.ts';

/** Why a library cannot be loaded. */
export interface LoadProblem {
  code: ErrorCode;
  /** A sentence without a capital or full stop. */
  text: string;
}

/**
 * Checks the header of a library before it is loaded; null if nothing is wrong with it. The system's loader would kill
 * the process on a truncated file.
 */
export function headerProblem(library: string): LoadProblem | null {
  const problem = process.platform === 'linux' ? elfProblem(library) : null;
  if (problem === null) return null;
  const code = problem.kind === 'damaged' ? 'LIBTORCH_INCOMPLETE' : 'WRONG_ARCHITECTURE';
  return { code, text: problem.text };
}

/**
 * Interprets the system's message about a library that does not load (glibc's dl-load.c, dl-version.c, dl-lookup.c).
 */
export function loaderProblem(library: string, reason: string): LoadProblem {
  const missing = reason.match(/(?:^|: )(\S+): cannot open shared object file: No such file/)?.[1];
  if (missing) return { code: 'LIBTORCH_INCOMPLETE', text: `it needs ${missing}, which is missing` };

  const [, symbol, of] = reason.match(/version [`'](\S+)' not found \(required by ([^)]+)\)/) ?? [];
  if (symbol?.startsWith('GLIBC_')) return tooNewForGlibc(library, of ?? library, symbol);
  if (symbol?.startsWith('GLIBCXX_')) {
    return {
      code: 'PLATFORM_UNSUPPORTED',
      text: `${of} needs ${symbol}, and this system's libstdc++ is older`,
    };
  }
  const undefinedSymbol = reason.match(/undefined symbol: (\S+)/)?.[1];
  if (undefinedSymbol) {
    const text = `its libraries are from different versions (undefined symbol ${undefinedSymbol})`;
    return { code: 'LIBTORCH_VERSION', text };
  }
  return { code: 'NATIVE_FAILURE', text: reason };
}

/**
 * Loads an addon of the package into this process.
 *
 * @throws TorchTlError `GLIBC_TOO_OLD`, `WRONG_ARCHITECTURE`, or `ENGINE_NOT_BUILT` if the file is damaged; any other
 *   error of Node.js
 */
export function openAddon({ path, open }: AddonFile): unknown {
  const damage = headerProblem(path);
  if (damage) throw unusable(path, { ...damage, code: addonCode(damage.code) });
  try {
    return open();
  } catch (cause) {
    const problem = loaderProblem(path, (cause as Error).message);
    if (problem.code === 'GLIBC_TOO_OLD') throw unusable(path, problem, cause);
    throw cause;
  }
}

function addonCode(code: ErrorCode): ErrorCode {
  return code === 'LIBTORCH_INCOMPLETE' ? 'ENGINE_NOT_BUILT' : code;
}

function unusable(path: string, { code, text }: LoadProblem, cause?: unknown): TorchTlError {
  return new TorchTlError(
    code,
    `${path} cannot be loaded: ${text}. \`npx torch-tl build\` builds one for this system.`,
    { cause },
  );
}

/** @param requiring the file that requires the glibc: `library` or one that it needs */
function tooNewForGlibc(library: string, requiring: string, symbol: string): LoadProblem {
  const needed = newest(symbol.slice('GLIBC_'.length), neededGlibc(requiring));
  const which = requiring === library ? 'it' : requiring;
  const here = glibcVersion() ?? 'of unknown version';
  return {
    code: 'GLIBC_TOO_OLD',
    text: `${which} needs glibc ${needed}, and this system has glibc ${here}`,
  };
}

function newest(version: string, other: string | null): string {
  return other !== null && other.localeCompare(version, 'en', { numeric: true }) > 0 ? other : version;
}
