import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../lib/support/package-root.ts';
import { type Ended, type Invocation, processOf } from '../cli/torch-tl.ts';

/** Runs a program on a terminal of its own, and types the answer when it asks. */
const ON_TERMINAL = `
import os, pty, sys
answer = sys.argv[1].encode()
def read(terminal):
    data = os.read(terminal, 65536)
    if b'(y/n)' in data:
        os.write(terminal, answer)
    return data
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[2:], read)))
`;

/** Calls `torch-tl` on a terminal; stdout has all that the terminal shows. */
export function torchTlOnTerminal(args: string[], answer: string, invocation: Invocation): Promise<Ended> {
  const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' });
  const command = [process.execPath, join(packageRoot, 'bin', 'torch-tl.js'), ...args];
  return processOf(python.trim(), ['-c', ON_TERMINAL, answer, ...command], invocation);
}
