import { type ErrorCode, TorchTlError } from '../errors.ts';
import { elfProblem, neededGlibc } from './elf.ts';
import type { AddonFile } from './engines.ts';
import { glibcVersion } from './platform.ts';

/** Why a library cannot be loaded, with the code that names the kind of cause. */
export interface LoadProblem {
  code: ErrorCode;
  /** A sentence without its full stop. */
  text: string;
}

/**
 * What keeps a library from loading that its own header shows; null where it shows nothing. The system's
 * loader cannot be trusted with that: it kills the process over a file that was cut short.
 */
export function problemBefore(library: string): LoadProblem | null {
  const problem = process.platform === 'linux' ? elfProblem(library) : null;
  if (problem === null) return null;
  const code = problem.kind === 'damaged' ? 'LIBTORCH_INCOMPLETE' : 'WRONG_ARCHITECTURE';
  return { code, text: problem.text };
}

/** What the system's reason for not loading a library means (glibc's dl-load.c, dl-version.c, dl-lookup.c). */
export function problemOf(library: string, reason: string): LoadProblem {
  const missing = reason.match(/(?:^|: )(\S+): cannot open shared object file: No such file/)?.[1];
  if (missing) return { code: 'LIBTORCH_INCOMPLETE', text: `it needs ${missing}, which is missing` };

  const [, symbol, of] = reason.match(/version [`'](\S+)' not found \(required by ([^)]+)\)/) ?? [];
  if (symbol?.startsWith('GLIBC_')) return tooNewForGlibc(library, of ?? library, symbol);
  if (symbol?.startsWith('GLIBCXX_')) {
    return {
      code: 'PLATFORM_UNSUPPORTED',
      text: `${of} needs ${symbol}, newer than this system's libstdc++ has`,
    };
  }
  const undefinedSymbol = reason.match(/undefined symbol: (\S+)/)?.[1];
  if (undefinedSymbol) {
    const text = `its libraries are not of one version (undefined symbol ${undefinedSymbol})`;
    return { code: 'LIBTORCH_VERSION', text };
  }
  return { code: 'NATIVE_FAILURE', text: reason };
}

/**
 * Loads an addon of the package into this process.
 *
 * @throws TorchTlError `GLIBC_TOO_OLD`, `WRONG_ARCHITECTURE`, `ENGINE_NOT_BUILT` where it is damaged; what
 *   Node throws otherwise
 */
export function openAddon({ path, open }: AddonFile): unknown {
  const before = problemBefore(path);
  if (before) throw unusable(path, { ...before, code: addonCode(before.code) });
  try {
    return open();
  } catch (cause) {
    const problem = problemOf(path, (cause as Error).message);
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

/** @param demanding the library or one that it needs */
function tooNewForGlibc(library: string, demanding: string, symbol: string): LoadProblem {
  const needed = newest(symbol.slice('GLIBC_'.length), neededGlibc(demanding));
  const which = demanding === library ? 'it' : demanding;
  const here = glibcVersion() ?? 'of unknown version';
  return {
    code: 'GLIBC_TOO_OLD',
    text: `${which} needs glibc ${needed}, and this system has glibc ${here}`,
  };
}

function newest(version: string, other: string | null): string {
  return other !== null && other.localeCompare(version, 'en', { numeric: true }) > 0 ? other : version;
}
