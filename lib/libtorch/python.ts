import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Finds torch without importing it: that takes seconds and may start CUDA. */
const PROBE = `
import sys
sys.path[:] = [path for path in sys.path if path]
import importlib.util, json
spec = importlib.util.find_spec('torch')
places = list(spec.submodule_search_locations or []) if spec else []
print(json.dumps([sys.prefix, sys.executable, places[0] if places else None]))
`;

const PROBE_SECONDS = 10;

export interface PythonTorch {
  /** The interpreter asked. */
  python: string;
  /** Its torch directory, or null where there is none. */
  root: string | null;
  /** Why there is none. */
  problem: string;
}

/** The Pythons to ask, the active virtual environment's first. */
export function pythonCommands(): string[] {
  const environment = process.env.VIRTUAL_ENV;
  const active = process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python'];
  return [...(environment ? [join(environment, ...active)] : []), 'python3', 'python'];
}

/** Asks each Python in turn, only when its answer is wanted, and leaves out other names of the same one. */
export function* findPythonTorches(): Generator<PythonTorch> {
  const asked = new Set<string>();
  for (const command of pythonCommands()) {
    const { prefix, ...torch } = probe(command);
    if (asked.has(prefix)) continue;
    asked.add(prefix);
    yield torch;
  }
}

/** `prefix` is where the Python is installed; each virtual environment has its own. */
function probe(command: string): PythonTorch & { prefix: string } {
  const child = spawnSync(command, ['-c', PROBE], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: PROBE_SECONDS * 1000,
    killSignal: 'SIGKILL',
    windowsHide: true,
  });
  const answer = child.status === 0 ? parseAnswer(child.stdout) : null;
  if (answer === null) {
    return { prefix: command, python: command, root: null, problem: describeFailure(child.error) };
  }
  const [prefix, python, root] = answer;
  return { prefix, python, root, problem: 'torch is not installed there' };
}

function parseAnswer(text: string): [prefix: string, python: string, root: string | null] | null {
  try {
    // The last line: start-up files of the user's Python may print ahead of it.
    return JSON.parse(text.trim().split('\n').at(-1) ?? '');
  } catch {
    return null;
  }
}

function describeFailure(error: NodeJS.ErrnoException | undefined): string {
  if (error?.code === 'ENOENT') return 'there is no such program';
  if (error?.code === 'ETIMEDOUT') return `it did not answer within ${PROBE_SECONDS} s`;
  return error?.message ?? 'it could not be asked where torch is';
}
