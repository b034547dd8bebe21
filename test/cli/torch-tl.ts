import { spawn } from 'node:child_process';
import { Console } from 'node:console';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { main } from '../../lib/cli/main.ts';
import { packageRoot } from '../../lib/support/package-root.ts';

/*
 * Runs the command line. `torchTl` calls it in this process, where the engine is loaded already. `torchTlProcess` and
 * all else here start a process, over the dist that the tests' setup compiles, for what only a process has: signals,
 * stdin, closed pipes, limits, what is read when it starts, and an exit.
 */

export interface Ended {
  /** Null where a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Call {
  cwd: string;
  env?: Record<string, string>;
}

export interface Invocation extends Call {
  /** What comes through stdin. */
  input?: Uint8Array;
  /** Is called with the process's number. */
  onStart?: (pid: number) => void;
  /** Is called with all of stdout so far, and may send a signal. */
  onOutput?: (stdout: string, kill: (signal: NodeJS.Signals) => void) => void;
  /** Is called again and again, and may send a signal. */
  onTick?: (kill: (signal: NodeJS.Signals) => void) => void;
}

let lastCall: Promise<unknown> = Promise.resolve();

/** Calls `torch-tl` in this process, after all earlier calls have ended, and waits for its end. */
export function torchTl(args: string[], call: Call): Promise<Ended> {
  const ended = lastCall.then(() => calledHere(args, call));
  lastCall = ended.catch(() => {});
  return ended;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Gives the command line what a process would have of its own, and takes it back afterwards. */
async function calledHere(args: string[], { cwd, env }: Call): Promise<Ended> {
  const written = { stdout: '', stderr: '' };
  const pipe = (name: keyof typeof written) =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += chunk;
        done();
      },
    });
  const [out, err] = [pipe('stdout'), pipe('stderr')];
  const warn = ({ name, message }: Error) => {
    written.stderr += `${name}: ${message}\n`;
  };
  const before = { cwd: process.cwd(), env: { ...process.env }, exitCode: process.exitCode };
  const { stdout, stderr } = Object.getOwnPropertyDescriptors(process);
  const { console } = globalThis;
  const listeners = SIGNALS.map((signal) => [signal, process.listeners(signal)] as const);
  Object.defineProperty(process, 'stdout', { ...stdout, get: () => out });
  Object.defineProperty(process, 'stderr', { ...stderr, get: () => err });
  globalThis.console = new Console(out, err);
  process.on('warning', warn);
  process.chdir(cwd);
  Object.assign(process.env, env);
  process.exitCode = undefined;
  try {
    const code = await main(args);
    // Warnings come in a later turn.
    await setImmediate();
    return { code, ...written };
  } finally {
    process.exitCode = before.exitCode;
    for (const name of Object.keys(env ?? {})) delete process.env[name];
    Object.assign(process.env, before.env);
    process.chdir(before.cwd);
    process.off('warning', warn);
    for (const [signal, own] of listeners) {
      for (const listener of process.listeners(signal)) {
        if (!own.includes(listener)) process.off(signal, listener);
      }
    }
    globalThis.console = console;
    Object.defineProperties(process, { stdout, stderr });
  }
}

/** Calls `torch-tl` in a process of its own, as users do, and waits for its end. */
export function torchTlProcess(args: string[], invocation: Invocation): Promise<Ended> {
  return nodeProcess(torchTlArguments(args), invocation);
}

/** Arguments of Node that call `torch-tl` with these. */
export function torchTlArguments(args: readonly string[]): string[] {
  return [join(packageRoot, 'bin', 'torch-tl.js'), ...args];
}

/** Runs a module's text, which can import the package as `torch-tl`, in a process of its own. */
export function program(text: string, invocation: Invocation): Promise<Ended> {
  return nodeProcess(programArguments(text), invocation);
}

/** Arguments of Node that run such a text. */
export function programArguments(text: string): string[] {
  return ['--input-type=module', '--eval', withPackage(text)];
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
