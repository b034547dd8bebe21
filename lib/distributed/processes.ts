import { guarded, settle } from '../engine/job.ts';
import type { Job } from '../engine/native.ts';
import type { HostTensor } from '../engine/native-computation.ts';
import type { NativeGroup } from '../engine/native-group.ts';
import { TorchTlError } from '../errors.ts';
import { onAbort, withFirstOf } from '../support/signals.ts';
import { agree, type Fact } from './agreement.ts';
import type { Membership } from './environment.ts';
import { gatherTexts, textOfFirst } from './texts.ts';

/** Errors that all ranks throw alike, or that another one has caused. */
const KNOWN_TO_ALL: readonly string[] = ['LOSS_NOT_FINITE', 'PEER_LOST', 'PEER_STOPPED', 'RANKS_DISAGREE'];

/** Codes of a stop that somebody wished for. */
const STOPS: readonly string[] = ['ABORTED', 'PEER_STOPPED'];

/**
 * The processes of one job, and this one's place among them. All but `fail` are collectives: every process must call
 * them in the same order; they reject with TorchTlError `PEER_LOST` if another one does not come.
 */
export class Processes {
  readonly membership: Membership;
  readonly group: NativeGroup;
  /** Whether all processes stopped together, because one of them was told to. */
  #stopped = false;

  constructor(membership: Membership, group: NativeGroup) {
    this.membership = membership;
    this.group = group;
  }

  /** Whether this is rank 0, which alone reads and writes the files of a training. */
  get isFirst(): boolean {
    return this.membership.rank === 0;
  }

  /** Compares facts with those of the other processes; see `agree`. */
  agree(facts: readonly Fact[]): Promise<void> {
    return agree(this.group, facts);
  }

  /** A JSON value of every process, in the order of ranks. */
  async gather<Value>(value: Value): Promise<Value[]> {
    const texts = await gatherTexts(this.group, JSON.stringify(value));
    return texts.map((text) => JSON.parse(text) as Value);
  }

  /** The JSON value that rank 0 finds; the others do not call `find`. */
  async fromFirst<Value>(find: () => Value | Promise<Value>): Promise<Value> {
    const found = this.isFirst ? JSON.stringify((await find()) ?? null) : null;
    return JSON.parse(await textOfFirst(this.group, found)) as Value;
  }

  /** The tensors of rank 0; what the others give does not count. */
  async tensorsFromFirst(tensors: readonly HostTensor[]): Promise<HostTensor[]> {
    const headers = await this.fromFirst(() =>
      tensors.map(({ name, dtype, shape, data }) => ({ name, dtype, shape, bytes: data.length })),
    );
    const received: HostTensor[] = [];
    for (const [index, { bytes, ...header }] of headers.entries()) {
      const data = (this.isFirst && tensors[index]?.data) || new Uint8Array(bytes);
      received.push(await this.group.broadcast({ ...header, data }, 0).result);
    }
    return received;
  }

  /**
   * Runs work of all processes. If it fails in this one, the others are told why.
   *
   * @param name what the work is: all processes must begin the same
   * @throws what `work` throws; InputError `RANKS_DISAGREE`
   */
  async together<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    try {
      await this.agree([{ name: 'the work', value: name }]);
      return await work();
    } catch (error) {
      await this.fail(error);
      throw error;
    }
  }

  /** Waits for a native job in which all processes take part: a signal of one stops all, after the same batch. */
  async settle<Result>(start: () => Job<Result>, signal: AbortSignal): Promise<Result> {
    // The engine passes the wish to stop on with the next batch, so the job must start.
    const job = start();
    const end = onAbort(signal, () => job.abort());
    try {
      return await job.result;
    } catch (error) {
      const { code } = error as { code?: string };
      this.#stopped = code !== undefined && STOPS.includes(code);
      if (!this.#stopped) throw error;
      const own = code === 'ABORTED' && signal.aborted ? signal.reason : error;
      throw await this.#whyStopped(own);
    } finally {
      end();
    }
  }

  /** Whether all stopped because something failed in one of them; else why this one did. Collective. */
  async #whyStopped(own: unknown): Promise<unknown> {
    const isFailure = own instanceof TorchTlError && !STOPS.includes(own.code);
    const failures = await this.gather(isFailure ? own.message.split('\n')[0] : null);
    const rank = failures.findIndex((failure) => failure !== null);
    if (isFailure || rank < 0) return own;
    return new TorchTlError('PEER_LOST', `rank ${rank} failed: ${failures[rank]}`);
  }

  /**
   * Tells the other processes why this one leaves them, unless they know. Where rank 0 fails, this takes some seconds.
   */
  async fail(error: unknown): Promise<void> {
    if (this.#stopped) return;
    const text = error instanceof Error ? error.message : String(error);
    const code = error instanceof TorchTlError ? error.code : undefined;
    if (code !== undefined && KNOWN_TO_ALL.includes(code)) return;
    await this.group.fail(`${code === undefined ? '' : `${code}: `}${text.split('\n')[0]}`).result;
  }

  /** Waits for all processes; none may be used together with the others afterwards. */
  async leave(): Promise<void> {
    await this.group.leave().result;
  }
}

/** `Processes.settle`, or for a process alone `settle`. */
export function settleTogether<Result>(
  processes: Processes | null,
  start: () => Job<Result>,
  signal: AbortSignal,
): Promise<Result> {
  return processes === null ? settle(start, signal) : processes.settle(start, signal);
}

/** As `settleTogether`, for a job that reports events. An error thrown by `callback` stops the job too. */
export function reportingTogether<Event, Result>(
  processes: Processes | null,
  callback: (event: Event) => void,
  start: (report: (event: Event) => void) => Job<Result>,
  stopped: AbortSignal,
): Promise<Result> {
  const failure = new AbortController();
  const report = guarded(callback, failure);
  return withFirstOf([stopped, failure.signal], (signal) =>
    settleTogether(processes, () => start(report), signal),
  );
}

/** `Processes.together`, or for a process alone `work`. */
export function together<Result>(
  processes: Processes | null,
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  return processes === null ? work() : processes.together(name, work);
}

/** `Processes.fromFirst`, or for a process alone what `find` gives. */
export async function fromFirst<Value>(
  processes: Processes | null,
  find: () => Value | Promise<Value>,
): Promise<Value> {
  return processes === null ? find() : processes.fromFirst(find);
}
