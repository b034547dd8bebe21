import { createInterface } from 'node:readline/promises';

/** Whether a user at a terminal can be asked; false in CI. */
export function isInteractive(): boolean {
  const isCi = !['', '0', 'false'].includes(process.env.CI ?? '');
  return process.stdin.isTTY === true && process.stdout.isTTY === true && !isCi;
}

/** Asks a yes-or-no question. Any answer except `y` and `yes`, also the end of the input, means no. */
export async function isYes(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([lines.question(`${question} (y/n) `), closed]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
