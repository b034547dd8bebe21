import { settle } from '../engine/job.ts';
import type { Engine } from '../engine/native.ts';
import type { NativeGroup } from '../engine/native-group.ts';
import { TorchTlError } from '../errors.ts';
import { packageVersion } from '../support/version.ts';
import { agree, type Fact } from './agreement.ts';
import { type Membership, readMembership, type Variables } from './environment.ts';

export interface JoinSettings {
  /** Longest time in seconds in which all processes must have joined; default 600. */
  joinTimeout?: number;
  /** Longest time in seconds in which all processes must come to the same batch; default 600. */
  collectiveTimeout?: number;
  /** Stops waiting for the others. */
  signal?: AbortSignal;
}

/** The processes of one job, and this one's place among them. */
export class Processes {
  readonly membership: Membership;
  readonly group: NativeGroup;

  constructor(membership: Membership, group: NativeGroup) {
    this.membership = membership;
    this.group = group;
  }

  /** Compares facts with those of the other processes; see `agree`. */
  agree(facts: readonly Fact[]): Promise<void> {
    return agree(this.group, facts);
  }

  /** Tells the other processes why this one leaves them. Where rank 0 fails, this takes some seconds. */
  async fail(error: unknown): Promise<void> {
    const text = error instanceof Error ? error.message : String(error);
    const code = error instanceof TorchTlError ? `${error.code}: ` : '';
    // The others were told of a lost one already.
    if (code !== 'PEER_LOST: ') await this.group.fail(`${code}${text.split('\n')[0]}`).result;
  }

  /** Waits for all processes; none may be used together with the others afterwards. */
  async leave(): Promise<void> {
    await this.group.leave().result;
  }
}

const DEFAULT_TIMEOUT = 600;

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
