import { createInterface } from 'node:readline/promises';

/** Whether there is somebody at a terminal to ask. */
export function isInteractive(): boolean {
  const isCi = !['', '0', 'false'].includes(process.env.CI ?? '');
  return process.stdin.isTTY === true && process.stdout.isTTY === true && !isCi;
}

/** Anything but `y` and `yes` is a no, the end of the input included. */
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
