import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { type Ended, nodeProcess } from '../../cli/torch-tl.ts';
import { lastingDirectory, shared } from '../../support/temporary-directory.ts';

/*
 * Faults of files at a chosen operation, by a library that is preloaded (shim.c says what it does).
 */

/**
 * An errno, a write that takes half, half a second's delay, SIGKILL, or a power cut that loses contents alone (`torn`) or
 * names too.
 */
export type FaultKind = 'EIO' | 'ENOSPC' | 'EROFS' | 'EDQUOT' | 'half' | 'slow' | 'kill' | 'cut' | 'torn';

const ERRNO: Partial<Record<FaultKind, string>> = { EIO: '5', ENOSPC: '28', EROFS: '30', EDQUOT: '122' };

/** Whether all faults are tried, or a few of each kind. */
export const isExhaustive = process.env.TORCH_TL_CRASH === 'all';

export const hasCompiler = process.platform === 'linux' && works('cc');

function works(compiler: string): boolean {
  try {
    execFileSync(compiler, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The libraries, compiled once. */
const library = shared(() => compiled('shim.c'));
const clock = shared(() => compiled('clock.c'));

async function compiled(name: string): Promise<string> {
  const file = join(lastingDirectory(), 'library.so');
  const source = fileURLToPath(new URL(name, import.meta.url));
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', file, source, '-ldl']);
  return file;
}

/** The environment of a process with a preloaded library, behind that of a sanitizer, which must be the first. */
export function preloaded(file: string): Record<string, string> {
  return { LD_PRELOAD: [process.env.LD_PRELOAD, file].filter(Boolean).join(' ') };
}

/** The environment of a process whose clock goes back by a year while it runs. */
export async function clockSetBack(): Promise<Record<string, string>> {
  return preloaded(await clock());
}

/** The environment of a process with a fault at an operation on files whose paths have this part. */
export async function faultAt(path: string, kind: FaultKind, at: number): Promise<Record<string, string>> {
  const fault = { FAULT_PATH: path, FAULT_AT: String(at), FAULT_KIND: ERRNO[kind] ?? kind };
  return { ...preloaded(await library()), ...fault };
}

/** What is called, in a directory of its own. */
export interface Call {
  cwd: string;
  /** Of Node. */
  args: string[];
  /** Part of the paths whose operations count. */
  path: string;
}

/** Calls it with a fault at an operation, counted from 1; 0 lets all pass. */
export async function callWithFault({ cwd, args, path }: Call, kind: FaultKind, at: number): Promise<Ended> {
  const copies = join(cwd, 'copies');
  mkdirSync(copies, { recursive: true });
  const log = { FAULT_COPIES: copies, FAULT_LOG: join(cwd, 'operations') };
  const fault = { ...(await faultAt(path, kind, at)), ...log };
  const ended = await nodeProcess(args, { cwd, env: { ...ALONE, ...fault } });
  rmSync(copies, { recursive: true });
  return ended;
}

/** One thread, so that trainings come to the same bits. */
export const ALONE = { OMP_NUM_THREADS: '1' };

/** Runs Node to a good end. */
export async function nodeSucceeds(args: string[], cwd: string): Promise<void> {
  const { code, stderr } = await nodeProcess(args, { cwd, env: ALONE });
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
}

/**
 * The numbers of the operations of a call that are worth a fault: all but writes, and the first, middle and last of the
 * writes to a file between two other operations on it, whatever other threads write meanwhile.
 */
export async function operationsOf(call: Call): Promise<number[]> {
  const { code, stderr } = await callWithFault(call, 'kill', 0);
  if (code !== 0) throw new Error(stderr);
  const log = join(call.cwd, 'operations');
  const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
  const chosen: number[] = [];
  const writes = new Map<string, number[]>();
  for (const [index, line] of lines.entries()) {
    const [, name, path] = line.split(' ') as [string, string, string];
    const pending = writes.get(path) ?? [];
    if (name === 'write') {
      pending.push(index + 1);
      writes.set(path, pending);
    } else {
      chosen.push(...firstMiddleLast(pending), index + 1);
      writes.delete(path);
    }
  }
  return [...chosen, ...[...writes.values()].flatMap(firstMiddleLast)].sort((a, b) => a - b);
}

/** The first, the middle and the last. */
function firstMiddleLast(numbers: readonly number[]): number[] {
  const last = numbers.length - 1;
  return [...new Set([0, Math.floor(last / 2), last])].flatMap((index) => numbers[index] ?? []);
}
