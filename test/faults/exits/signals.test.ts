import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'vitest';
import { cellsOf, chosen, disturbed, expectEnd, expectKept, type Victim } from './disturbed.ts';
import { EVENTS, type EventName } from './expected.ts';

/** Signals within half a second count as one. */
const APART = 900;

/** The processes that a process has started. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** As npx, which forwards the signal that the terminal has sent already. */
function twiceAtOnce({ kill }: Victim): void {
  kill('SIGINT');
  setTimeout(() => kill('SIGINT'), 20);
}

/** What each event sends. */
const SENT = {
  interrupted: ({ kill }) => kill('SIGINT'),
  'interrupted twice': ({ pid, kill }) => {
    kill('SIGINT');
    // The first one has been heard of, and its batch does not end before the second one, however fast the machine is.
    const others = childrenOf(pid);
    const toOthers = (signal: NodeJS.Signals) => {
      for (const other of others.filter((pid) => existsSync(`/proc/${pid}`))) process.kill(other, signal);
    };
    setTimeout(() => {
      kill('SIGSTOP');
      toOthers('SIGSTOP');
    }, 150);
    setTimeout(() => {
      kill('SIGINT');
      kill('SIGCONT');
      // Not before it has been passed on to them.
      setTimeout(() => toOthers('SIGCONT'), 100);
    }, APART);
  },
  terminated: ({ kill }) => kill('SIGTERM'),
  'hung up': ({ kill }) => kill('SIGHUP'),
  'broken pipe': ({ kill }) => kill('SIGPIPE'),
  suspended: ({ kill }) => {
    kill('SIGSTOP');
    setTimeout(() => kill('SIGCONT'), APART);
  },
} satisfies Partial<Record<EventName, (victim: Victim) => void>>;

/** The jobs that are tried by default; those of resume.test.ts, serve.test.ts and watch.test.ts are not. */
const TRIED: Record<keyof typeof SENT, string[]> = {
  interrupted: ['predict --copy-to', 'weights download'],
  'interrupted twice': ['features'],
  terminated: ['train --folds'],
  'hung up': ['evaluate'],
  'broken pipe': ['run'],
  suspended: ['export'],
};

describe.skipIf(process.platform !== 'linux').for(Object.entries(SENT))('%s', ([name, act]) => {
  const event = name as keyof typeof SENT;
  test.for(chosen(cellsOf(event), TRIED[event]))(`${EVENTS[event]}: %s`, async ([, { job, cell }]) => {
    const pace = cell.exit === 'goes on' ? 'short' : event === 'interrupted twice' ? 'slow' : 'long';
    // A pass does not say when its first batch has begun.
    const wait = pace === 'slow' && (job.kind === 'pass' || job.kind === 'features') ? 2000 : 0;
    const hasNoSecond = event === 'interrupted twice' && job.isPrompt;
    const later = (victim: Victim) => void setTimeout(() => (hasNoSecond ? twiceAtOnce : act)(victim), wait);
    const { ended, ...left } = await disturbed(job, { act: later, pace });
    expectEnd(ended, cell);
    await expectKept(job, cell.kept, left);
  });
});
