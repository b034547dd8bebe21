import { loadEngine } from '../engine/engine.ts';
import { settle } from '../engine/job.ts';
import type { Engine } from '../engine/native.ts';
import { packageVersion } from '../support/version.ts';
import { readMembership, type Variables } from './environment.ts';
import { Processes } from './processes.ts';

export interface JoinSettings {
  /** Longest time in seconds in which all processes must have joined; default 600. */
  joinTimeout?: number;
  /** Longest time in seconds in which all processes must come to the same batch; default 600. */
  collectiveTimeout?: number;
  /** Stops waiting for the others. */
  signal?: AbortSignal;
}

const DEFAULT_TIMEOUT = 600;

/** The variable by which a launcher hands rank 0 the socket for the store, so that no other program can take its port. */
export const LISTENING_SOCKET = 'TORCH_TL_LISTENING_SOCKET';

/** The job of this process, once it has joined: that can be done only once. */
let joined: Promise<Processes | null> | undefined;

/**
 * The processes of the job for which a launcher started this process; null if it is alone, or `distributed` is `off`.
 * The first call joins them. They are left when the event loop has nothing left to do.
 *
 * @throws what `joinProcesses` throws
 */
export async function processesOf(
  { distributed, ...settings }: { distributed: 'auto' | 'off' } & Required<Omit<JoinSettings, 'signal'>>,
  signal: AbortSignal | undefined,
): Promise<Processes | null> {
  if (distributed === 'off' || readMembership(process.env) === null) return null;
  joined ??= joinProcesses(loadEngine(), process.env, { ...settings, ...(signal && { signal }) }).then(
    (processes) => {
      process.once('beforeExit', () => void processes?.leave());
      return processes;
    },
  );
  return joined;
}

/** Tells the other processes of the job, if this one has joined it, that this one ends with an error. */
export async function failJob(error: unknown): Promise<void> {
  const processes = await joined?.catch(() => null);
  await processes?.fail(error);
}

/**
 * Joins the processes of the job that a launcher started this process for, and compares their versions of torch-tl and
 * LibTorch; null if this process is alone. A process joins a job once.
 *
 * @param variables the environment that describes the job, see `readMembership`
 * @throws InputError `INVALID_ARGUMENT` or `RANKS_DISAGREE`; TorchTlError `JOIN_FAILED` naming the rank, address or port
 *   at fault, or `PEER_LOST`; the signal's reason after an abort
 */
export async function joinProcesses(
  engine: Engine,
  variables: Variables,
  { joinTimeout = DEFAULT_TIMEOUT, collectiveTimeout = DEFAULT_TIMEOUT, signal }: JoinSettings = {},
): Promise<Processes | null> {
  const membership = readMembership(variables);
  if (membership === null) return null;
  const { rank, size, localSize, master, agentHostsStore, storePrefix } = membership;
  const join = () =>
    engine.joinGroup({
      rank,
      size,
      localSize,
      address: master.address,
      port: master.port,
      hostsStore: rank === 0 && !agentHostsStore,
      listeningSocket: rank === 0 ? Number(variables[LISTENING_SOCKET] ?? -1) : -1,
      storePrefix,
      interfaces: variables.GLOO_SOCKET_IFNAME ?? '',
      joinTimeout: Math.ceil(joinTimeout * 1000),
      timeout: Math.ceil(collectiveTimeout * 1000),
    });
  const processes = new Processes(membership, await settle(join, signal ?? new AbortController().signal));
  await processes.agree([
    { name: 'the version of torch-tl', value: packageVersion() },
    { name: 'the version of LibTorch', value: engine.libtorch },
  ]);
  return processes;
}
