import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';

/** How much of what a program prints is kept: enough for any compiler's errors. */
const KEPT_CHARACTERS = 1_000_000;

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** A child that leads a group of its own can be ended with all that it started: python behind a shim, compilers. */
const HAS_PROCESS_GROUPS = process.platform !== 'win32';

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  /** Passes what the program prints on to stderr; else it is only kept. */
  show: boolean;
  /** What to undo when the user stops the program, once it has ended. */
  onInterrupt?: () => void;
}

export interface RunResult {
  /** Null where a signal ended it. */
  exitCode: number | null;
  /** The end of what it printed, stdout and stderr together; only its stderr where it is shown on a terminal. */
  output: string;
}

/**
 * Runs a program to its end. A signal that ends this process (Ctrl-C, SIGTERM) ends the program and
 * all it started first; this process then exits with 128 and the signal's number.
 *
 * @throws what `spawn` reports where the program cannot be started
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  { env = process.env, show, onInterrupt }: RunOptions,
): Promise<RunResult> {
  // A progress bar is drawn only where the program itself sees the terminal.
  const stdout = show && process.stderr.isTTY ? process.stderr.fd : 'pipe';
  const child = spawn(command, args, {
    env,
    stdio: ['ignore', stdout, 'pipe'],
    detached: HAS_PROCESS_GROUPS,
    windowsHide: true,
  });
  let output = '';
  const keep = (text: string) => {
    output = (output + text).slice(-KEPT_CHARACTERS);
    if (show) process.stderr.write(text);
  };
  for (const stream of [child.stdout, child.stderr] as Array<Readable | null>) {
    stream?.setEncoding('utf8').on('data', keep);
  }

  const letGo = endWithThisProcess(child, onInterrupt);
  try {
    return await new Promise<RunResult>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode) => resolve({ exitCode, output }));
    });
  } finally {
    letGo();
  }
}

/** Lets the signals that end this process end the child first; gives what stops that. */
function endWithThisProcess(child: ChildProcess, onInterrupt: (() => void) | undefined): () => void {
  const stop = (signal: NodeJS.Signals) => {
    child.once('close', () => {
      onInterrupt?.();
      process.exit(128 + constants.signals[signal]);
    });
    terminate(child);
  };
  for (const signal of SIGNALS) process.once(signal, stop);
  return () => {
    for (const signal of SIGNALS) process.off(signal, stop);
  };
}

function terminate(child: ChildProcess): void {
  if (HAS_PROCESS_GROUPS && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
  else child.kill('SIGTERM');
}
