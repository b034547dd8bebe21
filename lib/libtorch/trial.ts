import { fileURLToPath } from 'node:url';
import { runProgram } from './subprocess.ts';

const SCRIPT = fileURLToPath(new URL('./try-load.js', import.meta.url));

/**
 * Why a LibTorch cannot be loaded, or null: tried in a process of its own, since a damaged library can end the one
 * that loads it.
 */
export async function loadProblemOf(root: string): Promise<string | null> {
  const { exitCode, output } = await runProgram(process.execPath, [SCRIPT, root], { show: false });
  if (exitCode === 0) return null;
  return (
    output.trim() ||
    `the process that loaded it ended ${exitCode === null ? 'by a signal' : `with ${exitCode}`}`
  );
}
