import { TorchTlError } from '../errors.ts';
import { outlivesTerminal } from './hangup.ts';
import { notice } from './notice.ts';

/** Says that work which goes by no batches stops. */
export const STOPPING = 'Stopping; press Ctrl-C again to stop at once.';

/** Signals within this time count as one: `npx` forwards a signal that the terminal has sent already. */
const ONE_INTERRUPTION_MS = 500;

const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
type InterruptSignal = keyof typeof EXIT_CODES;

const WORDS: Record<InterruptSignal, string> = {
  SIGHUP: 'The terminal was closed.',
  SIGINT: 'Interrupted.',
  SIGTERM: 'Terminated.',
};

/** Reason of an abort by Ctrl-C, SIGTERM or SIGHUP. */
export class Interrupted extends Error {
  readonly exitCode: number;
  /** A sentence that says what of the work is kept, if anything is. */
  kept: string | undefined;
  /** Command that resumes the work, if it can be resumed. */
  resumeCommand: string | undefined;

  constructor(signal: InterruptSignal, message = WORDS[signal]) {
    super(message);
    this.exitCode = EXIT_CODES[signal];
  }
}

/** Keeps the process running after its terminal is closed, under nohup. */
export function heedNohup(): void {
  if (outlivesTerminal()) process.on('SIGHUP', () => {});
}

/**
 * Ends the process by a signal, as if nothing handled it: `process.exit` would first wait for the engine's current batch,
 * which may take a minute. It is left for the first process of a container, which the system does not end in this way.
 */
function endBy(signal: InterruptSignal): never {
  // Removes a progress bar, which has hidden the cursor.
  notice('Stopped at once.');
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  process.exit(EXIT_CODES[signal]);
}

/**
 * Runs work that the first Ctrl-C, SIGTERM or SIGHUP aborts. A second Ctrl-C or SIGTERM ends the process at once; a
 * second SIGHUP is ignored, because the shell and the system both send one when a terminal is closed.
 *
 * @param message is printed at the first signal
 */
export async function interruptible<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  message = 'Stopping after this batch; press Ctrl-C again to stop at once.',
): Promise<Result> {
  const controller = new AbortController();
  let first = 0;
  const onSignal = (signal: InterruptSignal) => {
    if (controller.signal.aborted) {
      if (signal === 'SIGHUP' || performance.now() - first <= ONE_INTERRUPTION_MS) return;
      endBy(signal);
    }
    first = performance.now();
    notice(message);
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
  } catch (error) {
    // Another process of the job was sent a signal, which stopped all of them.
    const isStopped = error instanceof TorchTlError && error.code === 'PEER_STOPPED';
    if (!isStopped) throw error;
    throw controller.signal.reason ?? new Interrupted('SIGTERM', `Stopped: ${error.message}.`);
  } finally {
    // A signal that npx forwards late must not end what an interrupted command has still to say.
    if (!controller.signal.aborted) for (const signal of signals) process.off(signal, onSignal);
  }
}
