import { outlivesTerminal } from './hangup.ts';
import { notice } from './notice.ts';

/** `npx` passes on a signal that the terminal has sent already: two so near are one. */
const ONE_INTERRUPTION_MS = 500;

const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
type InterruptSignal = keyof typeof EXIT_CODES;

const WORDS: Record<InterruptSignal, string> = {
  SIGHUP: 'The terminal is gone.',
  SIGINT: 'Interrupted.',
  SIGTERM: 'Terminated.',
};

/** The reason of an abort by Ctrl-C, by a request to terminate, or by the loss of the terminal. */
export class Interrupted extends Error {
  readonly exitCode: number;
  /** What to type to go on, if there is a way. */
  goOn: string | undefined;

  constructor(signal: InterruptSignal) {
    super(WORDS[signal]);
    this.exitCode = EXIT_CODES[signal];
  }
}

/** Keeps the process where its terminal is lost, if nohup is to. */
export function heedNohup(): void {
  if (outlivesTerminal()) process.on('SIGHUP', () => {});
}

/**
 * Does work that the first Ctrl-C, SIGTERM or SIGHUP aborts; a second one ends the process at once, but for SIGHUP: of a
 * lost terminal shell and system both tell.
 *
 * @param told is printed at the first
 */
export async function interruptible<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  told = 'Stopping after this batch; once more stops at once.',
): Promise<Result> {
  const controller = new AbortController();
  let first = 0;
  const onSignal = (signal: InterruptSignal) => {
    if (controller.signal.aborted) {
      if (signal === 'SIGHUP' || performance.now() - first <= ONE_INTERRUPTION_MS) return;
      process.exit(EXIT_CODES[signal]);
    }
    first = performance.now();
    notice(told);
    controller.abort(new Interrupted(signal));
  };
  const signals: InterruptSignal[] = [
    'SIGINT',
    'SIGTERM',
    ...(outlivesTerminal() ? [] : ['SIGHUP' as const]),
  ];
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}
