import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';

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
  let child: ChildProcess | undefined;
  // From before the start: afterwards a signal could end this process before it listens.
  const letGo = listen((signal, isFirst) => {
    if (child) endGroup(child, isFirst ? 'SIGTERM' : 'SIGKILL');
    if (!isFirst) return;
    child?.once('close', () => {
      onInterrupt?.();
      process.exit(128 + constants.signals[signal]);
    });
  });
  try {
    // A progress bar is drawn only where the program itself sees the terminal.
    const stdout = show && process.stderr.isTTY ? process.stderr.fd : 'pipe';
    child = spawn(command, args, {
      env,
      stdio: ['ignore', stdout, 'pipe'],
      detached: HAS_PROCESS_GROUPS,
      windowsHide: true,
    });
    return await end(child, show);
  } finally {
    letGo();
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
 * Listens to the signals that end this process, until what it gives is called. npx passes on a signal
 * that the terminal has sent already, so that a second one is no surprise.
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
