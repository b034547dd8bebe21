import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pythonCommands } from './python.ts';
import { runProgram } from './subprocess.ts';

const REPORT_SECONDS = 15;
const SHOWN_LINES = 8;

export interface PipInstallation {
  /** What to install, and from which further indexes, as pip takes them. */
  requirement: readonly string[];
  /** Where the packages go. */
  packages: string;
  /** Where pip downloads and unpacks; on the disk of `packages`, so that nothing is copied between two. */
  scratch: string;
  /** Takes a line now and then on how far it is, where stderr is no terminal that pip can draw on. */
  print: (line: string) => void;
  /** What to undo when the user stops it. */
  onInterrupt: () => void;
}

/** The first Python that has pip, or undefined. */
export function findPip(): string | undefined {
  return pythonCommands().find(
    (python) =>
      spawnSync(python, ['-m', 'pip', '--version'], { stdio: 'ignore', windowsHide: true }).status === 0,
  );
}

/**
 * Installs packages without those they depend on, with the user's own pip configuration. Gives the
 * last lines pip printed where it failed, else null.
 */
export async function pipInstall(python: string, installation: PipInstallation): Promise<string | null> {
  const { packages, scratch, onInterrupt } = installation;
  const show = process.stderr.isTTY === true;
  const reports = show ? undefined : reportSize([scratch, packages], installation.print);
  try {
    // Its warning to users who are root is about the system's packages, which this leaves alone.
    const env = { ...process.env, TMPDIR: scratch, PIP_ROOT_USER_ACTION: 'ignore' };
    const result = await runProgram(python, pipArguments(installation, show), { env, show, onInterrupt });
    return result.exitCode === 0 ? null : lastLines(result.output);
  } finally {
    clearInterval(reports);
  }
}

function pipArguments({ packages, requirement }: PipInstallation, show: boolean): string[] {
  return [
    ...['-m', 'pip', 'install', '--no-deps', '--no-compile', '--target', packages],
    ...['--disable-pip-version-check', '--no-input', '--retries', '1'],
    ...(show ? [] : ['--progress-bar', 'off']),
    ...requirement,
  ];
}

function reportSize(directories: string[], print: (line: string) => void): NodeJS.Timeout {
  const started = Date.now();
  return setInterval(() => {
    const megabytes = directories.reduce((sum, directory) => sum + bytesIn(directory), 0) / 1e6;
    const seconds = Math.round((Date.now() - started) / 1000);
    print(`  pip is at work: ${megabytes.toFixed(0)} MB on the disk after ${seconds} s`);
  }, REPORT_SECONDS * 1000);
}

/** Roughly: pip moves files about while they are counted. */
function bytesIn(directory: string): number {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0)
      .reduce((sum, size) => sum + size, 0);
  } catch {
    return 0;
  }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-SHOWN_LINES).join('\n');
}
