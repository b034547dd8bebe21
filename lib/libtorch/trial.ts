import { fileURLToPath } from 'node:url';
import { runProgram } from './subprocess.ts';

const SCRIPT = fileURLToPath(new URL('./try-load.js', import.meta.url));

/**
 * Why a LibTorch cannot be loaded, or null. It is loaded in a child process, since a damaged library can crash the
 * process that loads it.
 *
 * @throws the signal's reason after an abort
 */
export async function loadProblemOf(root: string, signal?: AbortSignal): Promise<string | null> {
  const { exitCode, output } = await runProgram(process.execPath, [SCRIPT, root], { show: false, signal });
  if (exitCode === 0) return null;
  return (
    output.trim() ||
    `the process that loaded it ${exitCode === null ? 'was ended by a signal' : `exited with ${exitCode}`}`
  );
}
