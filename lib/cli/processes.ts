import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { readMembership } from '../distributed/environment.ts';
import { LISTENING_SOCKET } from '../distributed/join.ts';
import { InputError } from '../errors.ts';
import { outlivesTerminal } from './hangup.ts';

/** Exit codes of a process that a signal has stopped. */
const STOPPED = [129, 130, 143];

/** How long the others may take to end by themselves after one has failed: they know, and rank 0 may have more to say. */
const PATIENCE_MS = 10_000;
/** How long processes that are to end may take: one batch, and its checkpoint. */
const GRACE_MS = 30_000;

export interface LaunchOptions {
  /** Number of processes, at least 2. */
  processes: number;
  /** The program and its arguments, the same for every process. */
  command: string;
  args: readonly string[];
  /** Default `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** Time in milliseconds before the others get SIGTERM after one has failed; default 10 s. */
  patience?: number;
  /** Time in milliseconds before a process that ignores SIGTERM is killed; default 30 s. */
  grace?: number;
}

/**
 * Runs a program in several processes of one job on this machine, as torchrun does. The first one has this process's
 * stdin, stdout and stderr; all that the others print goes to stderr, each line after its rank. Signals are passed on. A
 * process that fails ends the others: they end by themselves, else by SIGTERM, then SIGKILL.
 *
 * @returns the exit code of the first process to fail, 128 and the number of the signal that ended it; 0 if none failed.
 *   1, by which a process ends whose job has lost another one, counts only if there is no other
 * @throws InputError `INVALID_ARGUMENT` in a process that is part of a job already; the error of `spawn`
 */
export async function runProcesses(options: LaunchOptions): Promise<number> {
  const { processes, command, args, env = process.env, patience = PATIENCE_MS, grace = GRACE_MS } = options;
  if (readMembership(env) !== null) {
    throw new InputError(
      'INVALID_ARGUMENT',
      `A launcher has started this process as one of several. Leave out --processes ${processes}, or start it alone.`,
    );
  }
  const store = await listeningSocket();
  const job = randomUUID();
  const children = Array.from({ length: processes }, (_, rank) =>
    spawn(command, args, {
      env: { ...env, ...variablesOf(rank, processes, job, store) },
      // The channel shows each of them when this process is gone: see `endWithLauncher`.
      stdio:
        rank === 0
          ? ['inherit', 'inherit', 'inherit', descriptorOf(store), 'ipc']
          : ['ignore', 'pipe', 'pipe', 'ipc'],
      // In sessions of their own: the terminal's Ctrl-C comes once, from here.
      detached: true,
      windowsHide: true,
    }),
  );
  // Rank 0 has it.
  store.close();
  children.forEach((child, rank) => {
    if (rank > 0) prefixLines(child, rank);
  });
  return untilEnded(children, { patience, grace });
}

/** torchrun's variables. */
function variablesOf(rank: number, size: number, job: string, store: Server): Record<string, string> {
  return {
    RANK: String(rank),
    WORLD_SIZE: String(size),
    LOCAL_RANK: String(rank),
    LOCAL_WORLD_SIZE: String(size),
    MASTER_ADDR: '127.0.0.1',
    MASTER_PORT: String((store.address() as AddressInfo).port),
    TORCHELASTIC_RUN_ID: job,
    // The first descriptor after stdin, stdout and stderr.
    ...(rank === 0 && { [LISTENING_SOCKET]: '3' }),
  };
}

/** Node has no public name for it. */
function descriptorOf(server: Server): number {
  return (server as Server & { _handle: { fd: number } })._handle.fd;
}

/** A socket for the store, which only this machine reaches. */
async function listeningSocket(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function prefixLines(child: ChildProcess, rank: number): void {
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) =>
      process.stderr.write(`[rank ${rank}] ${line}\n`),
    );
  }
}

/**
 * Ends this process, which `runProcesses` has started, as SIGTERM does, with a checkpoint, when the one that has started
 * it is killed: no signal of the user's would come to it any more.
 */
export function endWithLauncher(): void {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  // To wait for that keeps no process alive.
  process.channel?.unref();
}

async function untilEnded(
  children: readonly ChildProcess[],
  { patience, grace }: { patience: number; grace: number },
): Promise<number> {
  let asked: NodeJS.Signals | undefined;
  const kill = (signal: NodeJS.Signals) => {
    for (const child of children) child.kill(signal);
  };
  const passOn = (signal: NodeJS.Signals) => {
    asked ??= signal;
    kill(signal);
  };
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', ...(outlivesTerminal() ? [] : ['SIGHUP' as const])];
  for (const signal of signals) process.on(signal, passOn);
  const failures: number[] = [];
  let ending: NodeJS.Timeout | undefined;
  let problem: unknown;
  const endOthers = () => {
    ending = setTimeout(() => {
      kill('SIGTERM');
      ending = setTimeout(() => kill('SIGKILL'), grace);
    }, patience);
  };
  try {
    await Promise.all(
      children.map(async (child) => {
        const code = await exitCodeOf(child).catch((error) => {
          problem ??= error;
          return 1;
        });
        if (code !== 0 && failures.push(code) === 1) endOthers();
      }),
    );
  } finally {
    clearTimeout(ending);
    for (const signal of signals) process.off(signal, passOn);
  }
  if (problem !== undefined) throw problem;
  // A process may have stopped because another one got the signal first.
  const failure = failures.find((code) => code !== 1) ?? failures[0] ?? 0;
  const isStopped = asked !== undefined && STOPPED.includes(failure);
  return isStopped ? 128 + constants.signals[asked as NodeJS.Signals] : failure;
}

/** Waits for its end and for all that it printed. */
async function exitCodeOf(child: ChildProcess): Promise<number> {
  // Rejects with an 'error' event, if it cannot be started.
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + constants.signals[signal ?? 'SIGKILL'];
}
