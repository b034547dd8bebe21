import { type ChildProcess, spawn } from 'node:child_process';
import { onAbort } from '../support/signals.ts';

/** Length of the kept end of a program's output: enough for any compiler's errors. */
const KEPT_CHARACTERS = 1_000_000;

/** A child that leads a process group can be ended with all its own children: Python behind a shim, compilers. */
const HAS_PROCESS_GROUPS = process.platform !== 'win32';

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  /** Whether to copy the program's output to stderr. */
  show: boolean;
  /** Ends the program and its children. */
  signal?: AbortSignal | undefined;
}

export interface RunResult {
  /** null if a signal ended the program. */
  exitCode: number | null;
  /** The end of its output, stdout and stderr together; only stderr if stdout goes to a terminal. */
  output: string;
}

/**
 * Runs a program to its end.
 *
 * @throws the error of `spawn` if the program cannot be started; the signal's reason after an abort, when the program
 *   has ended
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  { env = process.env, show, signal }: RunOptions,
): Promise<RunResult> {
  signal?.throwIfAborted();
  // Programs draw a progress bar only if their own stdout is a terminal.
  const stdout = show && process.stderr.isTTY ? process.stderr.fd : 'pipe';
  const child = spawn(command, args, {
    env,
    stdio: ['ignore', stdout, 'pipe'],
    detached: HAS_PROCESS_GROUPS,
    windowsHide: true,
  });
  const stopListening = signal && onAbort(signal, () => endGroup(child));
  try {
    const result = await end(child, show);
    signal?.throwIfAborted();
    return result;
  } finally {
    stopListening?.();
  }
}

function end(child: ChildProcess, show: boolean): Promise<RunResult> {
  let output = '';
  const keep = (text: string) => {
    output = (output + text).slice(-KEPT_CHARACTERS);
    if (show) process.stderr.write(text);
  };
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', keep);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, output }));
  });
}

function endGroup(child: ChildProcess): void {
  if (!HAS_PROCESS_GROUPS || child.pid === undefined) {
    child.kill();
    return;
  }
  try {
    process.kill(-child.pid, 'SIGTERM');
  } catch (error) {
    const hasEnded = (error as NodeJS.ErrnoException).code === 'ESRCH';
    if (!hasEnded) throw error;
  }
}
