import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { peakMemory, restartPeak, SECONDS } from './limits.ts';
import { projectRoot } from './project-root.ts';

/** What came of an image in the process that decodes. */
export interface Decoding {
  /** What its header says, upright; null if it has none that can be read. */
  size: { width: number; height: number } | null;
  pixels?: Uint8Array;
  /** Why it is no image, in the product's words, and the reason in the decoder's. */
  problem?: string;
  reason?: string;
  /** Any other error. */
  fault?: string;
  /** Names of the blocks of the product's code that ran. */
  covered: string[];
  /** Bytes of memory that it took. */
  memory: number;
}

/** Seconds on the clock after which a process that does nothing is taken to wait for ever. */
const STUCK = 60;

/** Clock ticks per second in /proc, the same on every Linux. */
const TICKS = 100;

let child: ChildProcess | undefined;

/**
 * Decodes an image in a process of its own, which serves for many.
 *
 * @throws Error if the process dies, or takes more seconds than it may
 */
export async function decodeElsewhere(bytes: Uint8Array): Promise<Decoding> {
  child ??= started();
  const decoder = child;
  const pid = decoder.pid as number;
  const before = restartPeak(pid);
  const start = processorSeconds(pid);
  return new Promise((resolve, reject) => {
    const began = performance.now();
    let answer: Partial<Decoding> = {};
    const end = () => {
      clearInterval(watch);
      decoder.off('exit', onExit).off('message', onMessage);
    };
    const fail = (why: string) => {
      end();
      decoder.kill('SIGKILL');
      child = undefined;
      reject(new Error(`The process that decodes ${why}`));
    };
    const watch = setInterval(() => {
      const seconds = processorSeconds(pid) - start;
      if (seconds > SECONDS) fail(`has worked for ${seconds} s, more than ${SECONDS} s`);
      else if (performance.now() - began > STUCK * 1000 && seconds < 1) fail(`does nothing`);
    }, 500);
    const onExit = (code: number | null, signal: string | null) => fail(`ended with ${signal ?? code}`);
    const onMessage = (part: Partial<Decoding>) => {
      answer = { ...answer, ...part };
      if ('size' in part) return;
      end();
      resolve({ size: null, covered: [], ...answer, memory: peakMemory(pid) - before });
    };
    decoder.on('exit', onExit).on('message', onMessage).send(bytes);
  });
}

function started(): ChildProcess {
  const file = join(projectRoot, 'test', 'fuzz', 'decoder.js');
  // Under another loader `execPath` would be the loader.
  const made = fork(file, { serialization: 'advanced', execPath: process.argv0, execArgv: [] });
  // The watch above waits for it; nothing else shall.
  made.unref();
  made.channel?.unref();
  process.once('exit', () => made.kill('SIGKILL'));
  return made;
}

/** Seconds of processor time that a process has had; 0 where there is no /proc. */
function processorSeconds(pid: number): number {
  if (process.platform !== 'linux') return 0;
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
