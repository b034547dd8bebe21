import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/package-root.ts';

/*
 * Runs the command line as users do: `node bin/torch-tl.js`, which needs dist. `npm ci` builds that;
 * it is compiled anew here where a file of lib has changed since.
 */

export interface Ended {
  /** Null where a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Invocation {
  cwd: string;
  env?: Record<string, string>;
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

/** Runs Node with these arguments, once dist is compiled, and waits for its end. */
export function nodeProcess(
  args: string[],
  { cwd, env, onStart, onOutput, onTick }: Invocation,
): Promise<Ended> {
  compile();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, env: { ...process.env, ...env } });
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

/** Brings `dist` up to date. */
export function compile(): void {
  const compiled = join(packageRoot, 'dist', 'index.js');
  const lib = join(packageRoot, 'lib');
  const sources = readdirSync(lib, { recursive: true, encoding: 'utf8' }).map((name) => join(lib, name));
  const newest = Math.max(...sources.map((path) => statSync(path).mtimeMs));
  if (existsSync(compiled) && statSync(compiled).mtimeMs > newest) return;
  const tsc = join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: packageRoot, stdio: 'pipe' });
}
