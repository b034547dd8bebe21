import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../lib/support/package-root.ts';

// Runs the command line as users do: `node bin/torch-tl.js`, over the dist that the tests' setup compiles.
export interface Ended {
  /** Null where a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Invocation {
  cwd: string;
  env?: Record<string, string>;
  /** What comes through stdin. */
  input?: Uint8Array;
  /** Is called with the process's number. */
  onStart?: (pid: number) => void;
  /** Is called with all of stdout so far, and may send a signal. */
  onOutput?: (stdout: string, kill: (signal: NodeJS.Signals) => void) => void;
  /** Is called again and again, and may send a signal. */
  onTick?: (kill: (signal: NodeJS.Signals) => void) => void;
}

/** Calls `torch-tl` and waits for its end. */
export function torchTl(args: string[], invocation: Invocation): Promise<Ended> {
  return nodeProcess([join(packageRoot, 'bin', 'torch-tl.js'), ...args], invocation);
}

/** Runs a module's text, which can import the package as `torch-tl`, in a process of its own. */
export function program(text: string, invocation: Invocation): Promise<Ended> {
  return nodeProcess(['--input-type=module', '--eval', withPackage(text)], invocation);
}

/** A module's text with the package's place for `'torch-tl'`. */
export function withPackage(text: string): string {
  const url = new URL('../../dist/index.js', import.meta.url).href;
  return text.replaceAll("'torch-tl'", JSON.stringify(url));
}

/** Runs Node with these arguments and waits for its end. */
export function nodeProcess(args: string[], invocation: Invocation): Promise<Ended> {
  return processOf(process.execPath, args, invocation);
}

/** Runs a program with these arguments and waits for its end. */
export function processOf(
  program: string,
  args: string[],
  { cwd, env, input, onStart, onOutput, onTick }: Invocation,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env } });
    child.stdin.on('error', () => {}).end(input);
    if (child.pid !== undefined) onStart?.(child.pid);
    const ticks = onTick && setInterval(() => onTick((signal) => child.kill(signal)), 5);
    const ended: Ended = { code: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      ended.stdout += text;
      onOutput?.(ended.stdout, (signal) => child.kill(signal));
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      ended.stderr += text;
    });
    child.on('error', reject).on('close', (code) => {
      clearInterval(ticks);
      resolve({ ...ended, code });
    });
  });
}
