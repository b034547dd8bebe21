import { describe, test } from 'vitest';
import { cellsOf, chosen, disturbed, expectEnd, expectKept, type Victim } from './disturbed.ts';
import { EVENTS, type EventName } from './expected.ts';

/** Signals within half a second count as one. */
const APART = 900;

/** What each event sends. */
const SENT = {
  interrupted: ({ kill }) => kill('SIGINT'),
  'interrupted twice': ({ kill }) => {
    kill('SIGINT');
    // The first one has been heard of, and its batch does not end before the second one, however fast the machine is.
    setTimeout(() => kill('SIGSTOP'), 150);
    setTimeout(() => {
      kill('SIGINT');
      kill('SIGCONT');
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
    const wait = pace === 'slow' && job.kind === 'pass' ? 2000 : 0;
    const later = (victim: Victim) => void setTimeout(() => act(victim), wait);
    const { ended, ...left } = await disturbed(job, { act: later, pace });
    expectEnd(ended, cell);
    await expectKept(job, cell.kept, left);
  });
});
