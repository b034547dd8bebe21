import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';

/** Length of the kept end of a program's output: enough for any compiler's errors. */
const KEPT_CHARACTERS = 1_000_000;

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** A child that leads a process group can be ended with all its own children: Python behind a shim, compilers. */
const HAS_PROCESS_GROUPS = process.platform !== 'win32';

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  /** Whether to copy the program's output to stderr. */
  show: boolean;
  /** Called to clean up after the user has stopped the program and it has ended. */
  onInterrupt?: () => void;
}

export interface RunResult {
  /** null if a signal ended the program. */
  exitCode: number | null;
  /** The end of its output, stdout and stderr together; only stderr if stdout goes to a terminal. */
  output: string;
}

/**
 * Runs a program to its end. A signal to end this process (Ctrl-C, SIGTERM) first ends the program and its children;
 * this process then exits with 128 plus the signal's number.
 *
 * @throws the error of `spawn` if the program cannot be started
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  { env = process.env, show, onInterrupt }: RunOptions,
): Promise<RunResult> {
  let child: ChildProcess | undefined;
  // Listens before the start, since a signal in between would end this process but not the program.
  const stopListening = listen((signal, isFirst) => {
    if (child) endGroup(child, isFirst ? 'SIGTERM' : 'SIGKILL');
    if (!isFirst) return;
    child?.once('close', () => {
      onInterrupt?.();
      process.exit(128 + constants.signals[signal]);
    });
  });
  try {
    // Programs draw a progress bar only if their own stdout is a terminal.
    const stdout = show && process.stderr.isTTY ? process.stderr.fd : 'pipe';
    child = spawn(command, args, {
      env,
      stdio: ['ignore', stdout, 'pipe'],
      detached: HAS_PROCESS_GROUPS,
      windowsHide: true,
    });
    return await end(child, show);
  } finally {
    stopListening();
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

/**
 * Listens to the signals that end this process, until the returned function is called. A second signal is normal: npx
 * forwards the one that the terminal has already sent.
 */
function listen(onSignal: (signal: NodeJS.Signals, isFirst: boolean) => void): () => void {
  let isFirst = true;
  const listener = (signal: NodeJS.Signals) => {
    onSignal(signal, isFirst);
    isFirst = false;
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of SIGNALS) process.off(signal, listener);
  };
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (!HAS_PROCESS_GROUPS || child.pid === undefined) {
    child.kill(signal);
    return;
  }
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    const hasEnded = (error as NodeJS.ErrnoException).code === 'ESRCH';
    if (!hasEnded) throw error;
  }
}
