import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hashesIn } from '../../support/file-hashes.ts';
import { limitedGroup, mayMakeGroups } from '../../support/memory-group.ts';
import { isSanitized } from '../../support/sanitizer.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { ALONE, clockSetBack, faultAt, hasCompiler } from '../injection/inject.ts';
import { cellsOf, chosen, disturbed, expectEnd, expectKept, type Victim } from './disturbed.ts';
import { type Cell, EVENTS, type EventName, type KINDS } from './expected.ts';
import type { Job, Sight } from './jobs.ts';

/*
 * Commands whose surroundings fail: output, parent process, files, clock, limits.
 */

const isLinux = process.platform === 'linux';

/** Tests an event with some jobs by default. */
function each(event: EventName, names: string[], work: (job: Job, cell: Cell) => Promise<void>): void {
  const cells = cellsOf(event).filter(([, { job }]) => !NEEDS_OUTPUT.includes(event) || job.output);
  test.for(chosen(cells, names))(`${EVENTS[event]}: %s`, ([, { job, cell }]) => work(job, cell));
}

/** What only happens to a job that writes. */
const NEEDS_OUTPUT: readonly EventName[] = ['removed', 'replaced', 'read-only', 'quota', 'few descriptors'];

describe.skipIf(!isLinux)('output', () => {
  each('stdout closed', ['predict'], async (job, cell) => {
    const shell = 'mkfifo pipe; head -n 1 pipe >/dev/null & exec "$@" >pipe';
    const { ended, ...left } = await disturbed(job, { shell });
    expectEnd(ended, cell);
    expect(ended.stderr).not.toMatch(/EPIPE|Warning: cannot/);
    await expectKept(job, cell.kept, left);
  });

  each('stdout full', ['predict --copy-to'], async (job, cell) => {
    const { ended, ...left } = await disturbed(job, { shell: 'exec "$@" >/dev/full' });
    expectEnd(ended, cell);
    await expectKept(job, cell.kept, left);
  });
});

/** Whether the shell has written the number of the command's process. */
function hasNumber({ cwd }: Sight): boolean {
  return existsSync(join(cwd, 'pid')) && readFileSync(join(cwd, 'pid'), 'utf8') !== '';
}

describe.skipIf(!isLinux)('processes', () => {
  each('parent gone', ['report'], async (job, cell) => {
    const shell = '"$@" & echo $! > pid; wait';
    // Its output ends when the job has ended too.
    const { ended, ...left } = await disturbed(job, {
      shell,
      act: ({ kill }) => kill('SIGKILL'),
      isTime: (sight) => hasNumber(sight) && (job.kind !== 'server' || job.isUnderWay(sight)),
    });
    expect(ended.code).toBe(null);
    expect(ended.stderr).not.toContain('error:');
    await expectKept(job, cell.kept, left);
  });

  each('launcher killed', ['run --processes'], async (job, cell) => {
    // The output of the others ends with them.
    const { ended, ...left } = await disturbed(job, { act: ({ kill }) => kill('SIGKILL') });
    expectEnd(ended, cell);
    await expectKept(job, cell.kept, left);
  });
});

describe.skipIf(!isLinux)('directories', () => {
  each('removed', ['features'], async (job, cell) => {
    const output = job.output as string;
    const trash = temporaryDirectory();
    const { ended, ...left } = await disturbed(job, {
      act: ({ cwd }) => {
        // At once, while the job makes new files.
        renameSync(join(cwd, output), join(trash, 'removed'));
        rmSync(join(trash, 'removed'), { recursive: true });
      },
    });
    expectEnd(ended, cell);
    expect(existsSync(join(left.cwd, output))).toBe(false);
    await expectKept(job, cell.kept, left);
  });

  each('replaced', ['run'], async (job, cell) => {
    const other = { 'config.json': 'other', 'epochs.jsonl': 'other', 'results.json': 'other', lock: '' };
    let before = {};
    const { ended, ...left } = await disturbed(job, {
      act: ({ cwd }) => {
        const aside = temporaryDirectory();
        mkdirSync(join(aside, 'checkpoint'));
        for (const [name, text] of Object.entries(other)) writeFileSync(join(aside, name), text);
        renameSync(join(cwd, 'run'), join(cwd, 'moved'));
        renameSync(aside, join(cwd, 'run'));
        before = hashesIn(join(cwd, 'run'));
      },
    });
    expectEnd(ended, cell);
    expect(hashesIn(join(left.cwd, 'run'))).toEqual(before);
    await expectKept(job, cell.kept, left);
  });
});

/** Number of the operation on its output from which on a job's fail. */
const FROM: Partial<Record<keyof typeof KINDS, number>> = { training: 60, processes: 60, copies: 30 };

describe.skipIf(!hasCompiler)('disks', () => {
  for (const [event, kind, job] of [
    ['read-only', 'EROFS', 'export'],
    ['quota', 'EDQUOT', 'features'],
  ] as const) {
    each(event, [job], async (job, cell) => {
      const fault = await faultAt(`/${job.output}/`, kind, FROM[job.kind] ?? 3);
      const { ended, ...left } = await disturbed(job, { env: { ...fault, FAULT_LASTS: '1' } });
      expectEnd(ended, cell);
      await expectKept(job, cell.kept, left);
    });
  }
});

describe.skipIf(!hasCompiler)('the clock', () => {
  each('clock set back', ['run'], async (job, cell) => {
    const { ended, ...left } = await disturbed(job, { env: { ...ALONE, ...(await clockSetBack()) } });
    expectEnd(ended, cell);
    await expectKept(job, cell.kept, left);
  });
});

// A sanitizer opens a pipe to look at an object, and takes it for none without descriptors.
describe.skipIf(!isLinux || isSanitized)('limits', () => {
  each('few descriptors', ['predict --copy-to'], async (job, cell) => {
    const act = ({ pid }: Victim) => {
      execFileSync('prlimit', ['--nofile=8:8', '--pid', String(pid)]);
    };
    const { ended, ...left } = await disturbed(job, { act });
    expectEnd(ended, cell);
    await expectKept(job, cell.kept, left);
  });
});

describe.skipIf(!mayMakeGroups())('memory', () => {
  each('little memory', ['predict --copy-to'], async (job, cell) => {
    // Less than the engine and a model take. A process that enters later keeps what it has, and may need nothing more.
    const env = { GROUP: limitedGroup(120 * 2 ** 20) };
    const shell = 'echo $$ > "$GROUP/cgroup.procs"; exec "$@"';
    const { ended, ...left } = await disturbed(job, { env, shell });
    expectEnd(ended, cell);
    await expectKept(job, cell.kept, left);
  });
});
