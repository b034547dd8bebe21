/** `npx` passes on a signal that the terminal has sent already: two so near are one. */
const ONE_INTERRUPTION_MS = 500;

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 };
type InterruptSignal = keyof typeof EXIT_CODES;

/** The reason of an abort by Ctrl-C or by a request to terminate. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: InterruptSignal) {
    super(signal === 'SIGINT' ? 'Interrupted.' : 'Terminated.');
    this.exitCode = EXIT_CODES[signal];
  }
}

/**
 * Does work that the first Ctrl-C, or SIGTERM, aborts; a second one ends the process at once.
 *
 * @param notice is printed at the first
 */
export async function interruptible<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  notice = 'Stopping after this batch; once more stops at once.',
): Promise<Result> {
  const controller = new AbortController();
  let first = 0;
  const onSignal = (signal: InterruptSignal) => {
    if (controller.signal.aborted) {
      if (performance.now() - first > ONE_INTERRUPTION_MS) process.exit(EXIT_CODES[signal]);
      return;
    }
    first = performance.now();
    console.error(notice);
    controller.abort(new Interrupted(signal));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}
