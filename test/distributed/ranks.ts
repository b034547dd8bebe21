import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import type { JoinSettings } from '../../lib/distributed/join.ts';
import { freePort } from '../support/free-port.ts';

/** A process of a job. */
export interface Rank {
  child: ChildProcess;
  /** What it has printed so far, of stdout and stderr together. */
  output(): string;
  /** Waits until it has printed this. */
  says(text: string): Promise<void>;
  /** Waits for its end; gives its exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals>;
}

export interface RankOptions {
  size: number;
  settings?: JoinSettings;
  port?: number;
  address?: string;
  env?: Record<string, string>;
  /** Time in milliseconds after which it gives up joining. */
  stopAfter?: number;
  /** The test's own, where tests run at the same time. */
  onTestFinished?: (end: () => void) => void;
  /** A program that runs Node, such as that of a network namespace. */
  under?: string[];
}

const modules = (path: string) => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);

/** Joins, and then does what `work` says: a text, in which `processes`, `group`, `rank` and `size` can be used. */
function programOf(work: string, settings: JoinSettings, stopAfter: number | undefined): string {
  const signal = stopAfter === undefined ? 'undefined' : `AbortSignal.timeout(${stopAfter})`;
  return `
    import { setTimeout as pause } from 'node:timers/promises';
    import { loadEngine } from ${modules('engine/engine.js')};
    import { joinProcesses } from ${modules('distributed/join.js')};
    import { TorchTlError } from ${modules('errors.js')};
    const floats = (...values) => {
      const data = new Uint8Array(Float32Array.from(values).buffer);
      return { name: 'values', dtype: 'float32', shape: [values.length], data };
    };
    const valuesOf = ({ data }) => [...new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4)];
    try {
      const engine = loadEngine();
      const processes = await joinProcesses(engine, process.env, { ...${JSON.stringify(settings)}, signal: ${signal} });
      const { group, membership: { rank, size } } = processes;
      console.log('joined');
      /** Sums one batch after another until a rank is lost. */
      const train = async (batch = 20) => {
        for (let step = 0; ; step++) {
          await pause(batch);
          await group.sum(floats(1)).result;
          if (step === 3) console.log('trains');
        }
      };
      ${work}
    } catch (error) {
      console.log(error.code + ': ' + error.message);
      process.exit(1);
    }`;
}

/** Starts one rank of a job. It is killed when the running test ends. */
export function startRank(rank: number, work: string, options: RankOptions & { port: number }): Rank {
  return startProgram(rank, programOf(work, options.settings ?? {}, options.stopAfter), options);
}

/** Likewise with a program of its own; alone, with a size of 1, it is part of no job. */
export function startProgram(rank: number, program: string, options: RankOptions & { port: number }): Rank {
  const { size, port, address = '127.0.0.1', env = {}, under = [] } = options;
  const [command = process.execPath, ...args] = [...under, process.execPath];
  const place = {
    RANK: `${rank}`,
    WORLD_SIZE: `${size}`,
    LOCAL_RANK: `${rank}`,
    LOCAL_WORLD_SIZE: `${size}`,
    // Another test's job on this port is another job.
    TORCHELASTIC_RUN_ID: `${process.pid}-${port}`,
  };
  const child = spawn(command, [...args, '--input-type=module', '--eval', program], {
    env: { ...process.env, ...place, MASTER_ADDR: address, MASTER_PORT: `${port}`, ...env },
    stdio: 'pipe',
  });
  (options.onTestFinished ?? onTestFinished)(() => {
    child.kill('SIGKILL');
  });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals]>;
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return {
    child,
    output: () => output,
    async says(text) {
      while (!output.includes(text)) {
        const next = await Promise.race([once(child.stdout, 'data'), closed]);
        if (!output.includes(text) && next.length === 2) throw new Error(`rank ${rank} has ended: ${output}`);
      }
    },
    async ended() {
      const [code, signal] = await closed;
      return code ?? signal;
    },
  };
}

/** Starts all ranks of a job. */
export async function startRanks(work: string, options: RankOptions): Promise<Rank[]> {
  const port = options.port ?? (await freePort());
  return Array.from({ length: options.size }, (_, rank) => startRank(rank, work, { ...options, port }));
}

/** Waits for the end of some ranks; gives their exit codes. */
export function allEnded(ranks: readonly Rank[]): Promise<Array<number | NodeJS.Signals>> {
  return Promise.all(ranks.map((rank) => rank.ended()));
}
