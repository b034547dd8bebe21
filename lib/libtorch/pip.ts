import { spawnSync } from 'node:child_process';
import { bytesIn } from './cache.ts';
import { pythonCommands } from './python.ts';
import { runProgram } from './subprocess.ts';

const REPORT_SECONDS = 15;
const SHOWN_LINES = 8;

export interface PipInstallation {
  /** Such as `torch==2.13.0+cpu`. */
  requirement: string;
  /** An index to search in addition to those that the user has configured, or null. */
  extraIndex: string | null;
  /** Whether to install the dependencies too. */
  withDependencies: boolean;
  /** Target directory of the packages. */
  packages: string;
  /** Directory for downloads and unpacking, on the same disk as `packages` to avoid copying between disks. */
  scratch: string;
  /** Receives progress lines at intervals if stderr is not a terminal, where pip draws its own progress bar. */
  print: (line: string) => void;
  signal: AbortSignal | undefined;
}

/** The first Python that has pip, or undefined. */
export function findPip(): string | undefined {
  return pythonCommands().find(
    (python) =>
      spawnSync(python, ['-m', 'pip', '--version'], { stdio: 'ignore', windowsHide: true }).status === 0,
  );
}

/**
 * Installs a package with the user's own pip configuration: indexes, mirrors, proxies, certificates, constraints and
 * cache. Returns null, or the last lines of pip's output if it failed.
 *
 * @throws the signal's reason after an abort
 */
export async function pipInstall(python: string, installation: PipInstallation): Promise<string | null> {
  const { packages, scratch, signal } = installation;
  const show = process.stderr.isTTY === true;
  const reports = show ? undefined : reportSize([scratch, packages], installation.print);
  try {
    const env = { ...process.env, ...ABOUT_THE_SYSTEM, TMPDIR: scratch };
    const result = await runProgram(python, pipArguments(installation, show), { env, show, signal });
    return result.exitCode === 0 ? null : lastLines(result.output);
  } finally {
    clearInterval(reports);
  }
}

/** Disables settings and a warning that concern the system's and user's packages; `--target` does not touch those. */
const ABOUT_THE_SYSTEM = { PIP_USER: '0', PIP_REQUIRE_VIRTUALENV: '0', PIP_ROOT_USER_ACTION: 'ignore' };

function pipArguments(
  { packages, requirement, extraIndex, withDependencies }: PipInstallation,
  show: boolean,
): string[] {
  return [
    ...['-m', 'pip', 'install', '--no-compile', '--target', packages],
    ...['--disable-pip-version-check', '--no-input'],
    ...(withDependencies ? [] : ['--no-deps']),
    ...(show ? [] : ['--progress-bar', 'off']),
    ...(extraIndex === null ? [] : ['--extra-index-url', extraIndex]),
    requirement,
  ];
}

function reportSize(directories: string[], print: (line: string) => void): NodeJS.Timeout {
  const started = Date.now();
  return setInterval(() => {
    const megabytes = directories.reduce((sum, directory) => sum + bytesIn(directory), 0) / 1e6;
    const seconds = Math.round((Date.now() - started) / 1000);
    print(`  pip is running: ${megabytes.toFixed(0)} MB on disk after ${seconds} s`);
  }, REPORT_SECONDS * 1000);
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-SHOWN_LINES).join('\n');
}
