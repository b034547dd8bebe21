/*
 * How each kind of job may end, and what is then found: the expectations of the tests beside this file, and the table of
 * docs/reliability.md.
 */

/** The kinds of job, with their names in the table. */
export const KINDS = {
  training: '`run`, `run all`, `train`, with `--folds` or `--seeds`',
  processes: '`run --processes`',
  pass: '`lr-find`, `evaluate`, `predict`, `data check`',
  features: '`features`',
  copies: '`predict --copy-to`',
  file: '`export`, `report`',
  download: '`weights download`, `libtorch install`',
  build: '`build`',
  server: '`serve`, `watch`',
  fit: '`fit` in a program',
  call: 'other calls of a program',
} as const;

export type Kind = keyof typeof KINDS;

/** What is found afterwards, with its explanation below the table. */
export const KEPT = {
  answers: 'requests in hand are answered, new ones refused',
  all: 'the job goes on, and comes to what it would have come to',
  run: '`--resume`, or `resume: true`, goes on from the last checkpoint, and comes to the bits of a run that nothing disturbed',
  apart:
    'the same, in the place to which the directory was moved; nothing is written to what is at its path now',
  old: 'each file is as it was before, or whole and new; the same command does the work again',
  copies: 'whole copies; the same command makes the others',
  part: 'what has arrived; the same command fetches the rest',
  compiled: 'what has been compiled; the same command does the rest',
  nothing: 'nothing is left of it, and nothing else is missing',
} as const;

export type Kept = keyof typeof KEPT;

/**
 * How a job ends: an exit code, by the signal that it was sent, by SIGKILL, or not for this reason. Where memory is short
 * the kernel decides: it kills the process, or refuses it more.
 */
export type Exit = number | 'signal' | 'killed' | 'killed or 1' | 'goes on';

export interface Cell {
  exit: Exit;
  kept: Kept;
  /** What it says on stderr. */
  says?: string;
}

/** What may happen to a job, with its name in the table. */
export const EVENTS = {
  interrupted: 'Ctrl-C (SIGINT)',
  'interrupted twice': 'Ctrl-C twice, half a second apart or more',
  terminated: 'SIGTERM',
  'hung up': 'terminal closed (SIGHUP)',
  'broken pipe': 'SIGPIPE',
  suspended: 'SIGSTOP, later SIGCONT',
  'process.exit': '`process.exit(7)` of the program',
  uncaught: 'uncaught error of the program',
  unhandled: 'unhandled rejection of the program',
  terminate: '`terminate()` of its Worker',
  'parent gone': 'parent process gone',
  'launcher killed': 'process that has started the others killed (SIGKILL)',
  'stdout closed': 'reader of stdout gone, such as `head`',
  'stdout full': 'stdout on a full disk',
  removed: 'output directory removed',
  replaced: 'output directory moved, another in its place',
  'read-only': 'disk becomes read-only',
  quota: 'quota of the disk used up',
  'clock set back': 'clock set back by a year',
  'few descriptors': 'too few file descriptors',
  'little memory': 'memory of the control group used up',
} as const;

export type EventName = keyof typeof EVENTS;

const GOES_ON: Cell = { exit: 'goes on', kept: 'all' };
const THAT_ENDS = {
  training: GOES_ON,
  processes: GOES_ON,
  pass: GOES_ON,
  copies: GOES_ON,
  file: GOES_ON,
  download: GOES_ON,
  build: GOES_ON,
};
const EVERY_COMMAND = { ...THAT_ENDS, server: GOES_ON };

/** Ends by one signal. */
function bySignal(exit: number, says: string): Partial<Record<Kind, Cell>> {
  return {
    training: { exit, says, kept: 'run' },
    processes: { exit, says, kept: 'run' },
    pass: { exit, says, kept: 'old' },
    copies: { exit, says, kept: 'copies' },
    file: { exit: 'signal', kept: 'old' },
    download: { exit, says, kept: 'part' },
    build: { exit, says, kept: 'compiled' },
    server: { exit: 0, kept: 'answers' },
    fit: { exit: 'signal', kept: 'run' },
    call: { exit: 'signal', kept: 'old' },
  };
}

const AT_ONCE = 'Stopped at once.';

/** Ends from inside a program. */
function inside(exit: Exit, says?: string): Partial<Record<Kind, Cell>> {
  const said = says === undefined ? {} : { says };
  return { fit: { exit, ...said, kept: 'run' }, call: { exit, ...said, kept: 'old' } };
}

/** Ends because a file cannot be written. */
function unwritable(says: string): Partial<Record<Kind, Cell>> {
  return {
    training: { exit: 1, says, kept: 'run' },
    processes: { exit: 1, says, kept: 'run' },
    pass: { exit: 1, says, kept: 'old' },
    copies: { exit: 1, says, kept: 'copies' },
    file: { exit: 1, says, kept: 'old' },
    download: { exit: 1, says, kept: 'part' },
  };
}

const LOST = 'Cannot write all of the output to stdout: no space is left on the disk';
const GOES_ON_WARNED: Cell = { exit: 'goes on', says: 'Warning: cannot write to stdout', kept: 'all' };
const GONE = 'the directory was moved, removed or replaced';
const NO_DIRECTORY = 'there is no such file or directory';

type Cells = Partial<Record<Kind, Cell>>;

/** What is expected in each event, but of `features` where it ends as others that pass once over the images. */
const DECLARED: Record<EventName, Cells> = {
  interrupted: bySignal(130, 'Interrupted.'),
  'interrupted twice': {
    training: { exit: 'signal', says: AT_ONCE, kept: 'run' },
    processes: { exit: 130, says: AT_ONCE, kept: 'run' },
    pass: { exit: 'signal', says: AT_ONCE, kept: 'old' },
    copies: { exit: 130, says: 'Interrupted.', kept: 'copies' },
    file: { exit: 'signal', kept: 'old' },
    download: { exit: 130, says: 'Interrupted.', kept: 'part' },
    build: { exit: 130, says: 'Interrupted.', kept: 'compiled' },
    server: { exit: 'signal', says: AT_ONCE, kept: 'nothing' },
  },
  terminated: bySignal(143, 'Terminated.'),
  'hung up': bySignal(129, 'The terminal was closed.'),
  'broken pipe': { ...EVERY_COMMAND, fit: GOES_ON, call: GOES_ON },
  suspended: { ...EVERY_COMMAND, fit: GOES_ON, call: GOES_ON },
  'process.exit': inside(7),
  uncaught: inside(1, 'Error: of the program'),
  unhandled: inside(1, 'Error: of the program'),
  terminate: inside('goes on'),
  'parent gone': EVERY_COMMAND,
  'launcher killed': { processes: { exit: 'killed', says: 'Terminated.', kept: 'run' } },
  'stdout closed': EVERY_COMMAND,
  'stdout full': {
    ...THAT_ENDS,
    training: GOES_ON_WARNED,
    processes: GOES_ON_WARNED,
    pass: { exit: 1, says: LOST, kept: 'old' },
    // Its result is a file.
    features: GOES_ON_WARNED,
    copies: { exit: 1, says: LOST, kept: 'copies' },
    file: GOES_ON_WARNED,
    server: GOES_ON_WARNED,
  },
  removed: {
    training: { exit: 1, says: GONE, kept: 'nothing' },
    processes: { exit: 1, says: GONE, kept: 'nothing' },
    pass: { exit: 1, says: NO_DIRECTORY, kept: 'nothing' },
    copies: { exit: 1, says: NO_DIRECTORY, kept: 'nothing' },
    file: { exit: 1, says: NO_DIRECTORY, kept: 'nothing' },
    download: { exit: 1, says: NO_DIRECTORY, kept: 'nothing' },
    fit: { exit: 1, says: GONE, kept: 'nothing' },
  },
  replaced: {
    training: { exit: 1, says: GONE, kept: 'apart' },
    processes: { exit: 1, says: GONE, kept: 'apart' },
    fit: { exit: 1, says: GONE, kept: 'apart' },
  },
  'read-only': unwritable('the file system is read-only (EROFS)'),
  quota: unwritable('the disk quota is used up'),
  'clock set back': { ...EVERY_COMMAND, fit: GOES_ON },
  'few descriptors': {
    ...unwritable('too many files are open; raise the limit'),
    // What starts the others opens nothing more.
    processes: GOES_ON,
  },
  'little memory': {
    training: { exit: 'killed or 1', kept: 'run' },
    processes: { exit: 'killed or 1', kept: 'run' },
    pass: { exit: 'killed or 1', kept: 'old' },
    copies: { exit: 'killed or 1', kept: 'copies' },
  },
};

/** What is expected of each kind of job in each event; a combination that is not here cannot be. */
export const EXPECTED = Object.fromEntries(
  Object.entries(DECLARED).map(([event, cells]) => {
    const features = cells.features ?? cells.pass;
    return [event, { ...cells, ...(features && { features }) }];
  }),
) as Record<EventName, Cells>;
