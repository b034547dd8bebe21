import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

/** What torch-tl's files are read with by others: the Python of `TORCH_TL_TEST_PYTHON`, or `python3`. */
const PYTHON = process.env.TORCH_TL_TEST_PYTHON ?? 'python3';

/** Whether Python lacks one of these packages, or is not there. */
export function pythonLacks(...packages: string[]): boolean {
  const script = 'import importlib.util, sys; sys.exit(None in map(importlib.util.find_spec, sys.argv[1:]))';
  try {
    execFileSync(PYTHON, ['-c', script, ...packages], { stdio: 'ignore' });
    return false;
  } catch {
    return true;
  }
}

/** Why a test that needs these packages is skipped. */
export function lacking(...packages: string[]): string {
  return `${PYTHON} has no ${packages.join(' and ')}; TORCH_TL_TEST_PYTHON names another Python`;
}

/** Runs Python with these arguments, and gives what it printed. */
export async function python(...args: string[]): Promise<string> {
  return (await promisify(execFile)(PYTHON, args)).stdout;
}
