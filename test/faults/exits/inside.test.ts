import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Ended, program, withPackage } from '../../cli/torch-tl.ts';
import { lastingDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';
import { ALONE, clockSetBack, hasCompiler } from '../injection/inject.ts';
import { chosen, codeOf } from './disturbed.ts';
import { EVENTS, EXPECTED, type Exit } from './expected.ts';
import { ENDS, PROGRAMS, type ProgramJob, TERMINATION, withEnd } from './programs.ts';

/*
 * Programs to which something happens in the middle of a call: they end from inside, or by a signal, of which the package
 * handles none, or their checkpoint's directory goes.
 */

/** What is tried by default; exit.test.ts and workers.test.ts try others. */
const TRIED: Partial<Record<keyof typeof ENDS, string[]>> = {
  interrupted: ['predict'],
  'process.exit': ['save'],
  uncaught: ['fit'],
  unhandled: ['Dataset.fromFolder'],
  replaced: ['fit'],
};

const undisturbed = new Map<ProgramJob, Promise<Ended>>();

/** What a program prints that nothing ends. */
async function resultOf(job: ProgramJob): Promise<string> {
  const known = undisturbed.get(job) ?? whole(job, lastingDirectory());
  undisturbed.set(job, known);
  return (await known).stdout;
}

async function whole(job: ProgramJob, cwd: string): Promise<Ended> {
  const ended = await program(withEnd(await job.text(), ''), { cwd, env: ALONE });
  expect(ended.code, ended.stderr).toBe(0);
  return ended;
}

async function endedBy(event: keyof typeof ENDS, job: ProgramJob, cwd: string): Promise<Ended> {
  const text = withEnd(await job.text(), ENDS[event]);
  const isTerminated = event === 'terminate';
  if (isTerminated) writeFileSync(join(cwd, 'worker.mjs'), withPackage(text));
  const env = { ...ALONE, ...(event === 'clock set back' && (await clockSetBack())) };
  const onTick = (kill: (signal: NodeJS.Signals) => void) => event === 'suspended' && kill('SIGCONT');
  return program(isTerminated ? TERMINATION : text, { cwd, env, onTick });
}

/** Puts the checkpoint's directory back in its place, where another one has not been touched. */
function moveBack(cwd: string): void {
  expect(readFileSync(join(cwd, 'kept', 'checkpoint.safetensors'), 'utf8')).toBe('other');
  rmSync(join(cwd, 'kept'), { recursive: true });
  renameSync(join(cwd, 'moved'), join(cwd, 'kept'));
}

/** The programs that are tried with an event. */
function triedOf(event: keyof typeof ENDS): Array<[string, ProgramJob]> {
  const jobs = Object.entries(PROGRAMS).filter(([, { kind }]) => EXPECTED[event][kind]);
  return chosen(jobs, TRIED[event] ?? []);
}

const events = (Object.keys(ENDS) as Array<keyof typeof ENDS>).filter((event) => triedOf(event).length > 0);

describe.skipIf(!hasCompiler).for(events)('%s', (event) => {
  test.for(triedOf(event))(`${EVENTS[event]}: %s`, async ([, job]) => {
    const { exit, says = '' } = EXPECTED[event][job.kind] ?? {};
    const cwd = temporaryDirectory();
    const { code, stdout, stderr } = await endedBy(event, job, cwd);
    expect(code, stderr).toBe(codeOf(exit as Exit));
    expect(stderr).toContain(says);
    if (event === 'terminate') expect(stdout).toBe('goes on\n');
    else if (exit === 'goes on') expect(stdout).toBe(await resultOf(job));
    else expect(stdout).toBe('');
    if (event === 'removed') expect(existsSync(join(cwd, 'kept'))).toBe(false);
    if (event === 'replaced') moveBack(cwd);
    expect((await whole(job, cwd)).stdout).toBe(await resultOf(job));
  });
});
