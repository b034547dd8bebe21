import { expect } from 'vitest';

/** A training that ends this often before the event loop hears of the batch to stop at is a fault. */
const ATTEMPTS = 5;

/**
 * Runs a training that stops itself at an event, and returns what it rejects with. The engine does not wait for the event
 * loop: on a busy machine a short training may end before it hears of the stop, and is then begun anew.
 */
export async function stopped(training: () => Promise<unknown>): Promise<unknown> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    try {
      await training();
    } catch (error) {
      return error;
    }
  }
  return expect.fail(`the training ended ${ATTEMPTS} times before it could be stopped`);
}
