import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { type Ended, nodeProcess, processOf, torchTl, torchTlArguments } from '../../cli/torch-tl.ts';
import { filesUnder, hashesIn } from '../../support/file-hashes.ts';
import { bands, encode, RED } from '../../support/images.ts';
import { post } from '../../support/service.ts';
import { lastingDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';
import { ALONE, faultAt, isExhaustive } from '../injection/inject.ts';
import { outcomesIn, resumption } from '../injection/scenarios.ts';
import { type Cell, type EventName, EXPECTED, type Exit, type Kept } from './expected.ts';
import { JOBS, type Job, type Pace, type Sight } from './jobs.ts';
import { HALF, NETWORK_JOBS } from './network-jobs.ts';

/*
 * Runs commands to which something happens, and looks at how they end and what they leave.
 */

/** A process to which something can be done. */
export interface Victim {
  pid: number;
  cwd: string;
  kill(signal: NodeJS.Signals): void;
}

export interface Disturbance {
  /** Is called once, when the job is in the middle of its work. */
  act?: (victim: Victim) => void;
  pace?: Pace;
  /** When to act, if not in the middle of the job's work. */
  isTime?: (sight: Sight) => boolean;
  env?: Record<string, string>;
  /** A shell's text that runs the command, `"$@"`, in its own place. */
  shell?: string;
}

/** Jobs of the command line, with an event's cell for each. */
export function cellsOf(event: EventName): Array<[string, { job: Job; cell: Cell }]> {
  return Object.entries({ ...JOBS, ...NETWORK_JOBS }).flatMap(([name, job]) => {
    const cell = EXPECTED[event === 'interrupted twice' && job.isPrompt ? 'interrupted' : event][job.kind];
    return cell ? [[name, { job, cell }] as [string, { job: Job; cell: Cell }]] : [];
  });
}

/** The cells of these jobs; all of them, where all is tried. */
export function chosen<Item>(
  cells: ReadonlyArray<[string, Item]>,
  names: readonly string[],
): Array<[string, Item]> {
  return cells.filter(([name]) => isExhaustive || names.includes(name));
}

/** What a job leaves, and had before. */
export interface Left {
  cwd: string;
  pace: Pace;
  before: Record<string, string | null>;
  /** What it has printed; null where that went elsewhere. */
  stdout: string | null;
}

/** Runs a job in a new directory, or in one that has been prepared, and has something happen to it. */
export async function disturbed(
  job: Job,
  { act, isTime = job.isUnderWay, pace = 'short', env = {}, shell = 'exec "$@"' }: Disturbance,
  cwd = temporaryDirectory(),
): Promise<Left & { ended: Ended }> {
  const args = await job.args(cwd, pace);
  const before = hashesIn(cwd);
  // What writes one file is too quick to be met in the middle of it.
  const delay = job.kind === 'file' && act ? await faultAt('/out/', 'slow', 3) : {};
  const command = [process.execPath, ...(job.isProgram ? args : torchTlArguments(args))];
  const seen = { pid: 0, stdout: '', cwd };
  let [isMet, isOver] = [false, false];
  onTestFinished(() => {
    if (!isOver && seen.pid > 0) process.kill(seen.pid, 'SIGKILL');
  });
  const ended = await processOf('sh', ['-c', shell, 'sh', ...command], {
    cwd,
    env: { ...ALONE, NODE_NO_WARNINGS: '1', ...delay, ...env },
    onStart: (pid) => {
      seen.pid = pid;
    },
    onOutput: (stdout) => {
      seen.stdout = stdout;
    },
    onTick: (kill) => {
      if (isMet || !isTime(seen)) return;
      isMet = true;
      const victim = { pid: seen.pid, cwd, kill };
      if (job.kind === 'server') void meetServer(victim, job, { act, pace });
      else act?.(victim);
    },
  });
  isOver = true;
  if (act) expect(isMet, `the job was met: ${ended.stdout}${ended.stderr}`).toBe(true);
  const stdout = shell.includes('>') ? null : ended.stdout;
  return { cwd, ended, before, pace, stdout };
}

/**
 * Has something happen to a server: with a request in hand, if it is slow to answer; and if it is to go on, asks it for a
 * page afterwards, and stops it.
 */
async function meetServer(
  victim: Victim,
  job: Job,
  { act, pace }: { act: Disturbance['act'] | undefined; pace: Pace },
): Promise<void> {
  const url = job.url?.(victim.cwd) as string;
  if (pace === 'slow' && job.words[0] === 'serve') {
    const image = Uint8Array.from(
      await encode(bands([RED], 40, 40))
        .png()
        .toBuffer(),
    );
    void post(`${url}predict`, image).catch(() => {});
    await expect.poll(async () => (await fetch(`${url}health`)).json()).toMatchObject({ waiting: 1 });
  }
  act?.(victim);
  if (pace !== 'short') return;
  await setTimeout(1200);
  // Without an answer the process ends by another signal than expected.
  const isUp = await fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
  const pid = readPid(victim);
  process.kill(pid, isUp ? 'SIGTERM' : 'SIGKILL');
}

/** Number of the command's process, which its shell has written if it goes on after the shell. */
function readPid({ cwd, pid }: Victim): number {
  const file = join(cwd, 'pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : pid;
}

/** The exit code of a process that ends so; null where a signal ends it. */
export function codeOf(exit: Exit): number | null {
  if (exit === 'goes on') return 0;
  return typeof exit === 'number' ? exit : null;
}

/** Compares how a job ended whose memory was short. */
function expectNoMemory({ code, stderr }: Ended): void {
  // 137 is that of a process that has started another, which was killed.
  if (code !== null && code !== 137)
    expect([code, stderr]).toEqual([1, expect.stringMatching(/not enough memory|out of memory/i)]);
}

/** Compares how a job ended with what is expected. */
export function expectEnd(ended: Ended, { exit, says = '' }: Cell): void {
  if (exit === 'killed or 1') expectNoMemory(ended);
  else expect(ended.code, ended.stderr).toBe(codeOf(exit));
  expect(ended.stderr).toContain(says);
  expect(ended.stderr).not.toContain('bug in torch-tl');
  expect(ended.stderr).not.toMatch(/^ +at /m);
}

/** Compares what a job has left with what is expected, and has a fresh process do the rest of its work. */
export async function expectKept(job: Job, kept: Kept, left: Left): Promise<void> {
  const { cwd, before } = left;
  // Only a training remembers how it was called.
  const isTraining = job.kind === 'training' || job.kind === 'processes';
  const pace = left.pace === 'slow' && isTraining ? 'slow' : 'short';
  const whole = () => undisturbed(job, pace);
  // A server has nothing to keep.
  if (job.kind === 'server') return;
  const outcome = () => job.outcome(cwd, left.stdout ?? '');
  if (kept === 'all') {
    const isSeen = job.output !== undefined || left.stdout !== null;
    if (isSeen) expect(outcome()).toEqual(await whole());
  } else if (kept === 'nothing') {
    const others = Object.entries(before).filter(([name]) => !name.startsWith('out/'));
    expect(Object.entries(hashesIn(cwd))).toEqual(expect.arrayContaining(others));
  } else if (kept === 'run' || kept === 'apart') {
    const run = kept === 'run' ? 'run' : 'moved';
    await succeeds(job, resumption(await job.args(cwd, pace), join(cwd, run), job.words), cwd);
    expect(outcomesIn(join(cwd, run))).toEqual(await whole());
  } else if (kept === 'part' || kept === 'compiled') {
    if (kept === 'part' && left.pace === 'long')
      expect(filesUnder(cwd).map(({ size }) => size)).toEqual([HALF]);
    await succeeds(job, await job.args(cwd, 'short'), cwd);
    expect(outcome()).toEqual(await whole());
  } else if (kept === 'copies') {
    expect(await whole()).toMatchObject(withoutTemporaries(outcome() as Hashes));
    await succeeds(job, await job.args(cwd, pace), cwd);
    expect(outcome()).toEqual(await whole());
  } else await expectOldOrWhole(job, left);
}

/** Each file is as before, or the job's own and whole; and the job can do its work again. */
async function expectOldOrWhole(job: Job, { cwd, before }: Left): Promise<void> {
  const after = withoutTemporaries(hashesIn(cwd));
  const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
  expect(Object.keys(after)).toEqual(expect.arrayContaining(Object.keys(before)));
  if (!job.output) {
    expect(changed).toEqual([]);
    return;
  }
  const whole = await undisturbed(job, 'short');
  if (changed.length > 0) expect(job.outcome(cwd, '')).toEqual(whole);
  await succeeds(job, await job.args(cwd, 'short'), cwd);
  expect(job.outcome(cwd, '')).toEqual(whole);
  expect(Object.keys(hashesIn(cwd)).filter(isTemporary)).toEqual([]);
}

async function succeeds(job: Job, args: string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await (job.isProgram ? nodeProcess : torchTl)(args, { cwd, env: ALONE });
  expect(code, stderr).toBe(0);
  return stdout;
}

const outcomes = new Map<string, Promise<unknown>>();

/** What a job comes to that nothing disturbs. */
export async function undisturbed(job: Job, pace: Pace): Promise<unknown> {
  const cwd = lastingDirectory();
  const args = await job.args(cwd, pace);
  const known =
    outcomes.get(args.join(' ')) ?? succeeds(job, args, cwd).then((stdout) => job.outcome(cwd, stdout));
  outcomes.set(args.join(' '), known);
  return known;
}

type Hashes = Record<string, string | null>;

function isTemporary(path: string): boolean {
  return /^\.torch-tl-[0-9a-f]{16}\.tmp$/.test(basename(path));
}

function withoutTemporaries(files: Hashes): Hashes {
  return Object.fromEntries(Object.entries(files).filter(([path]) => !isTemporary(path)));
}
