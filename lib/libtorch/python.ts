import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { recall, remember } from './python-memory.ts';

/** Finds torch without importing it: an import takes seconds and may start CUDA. */
const PROBE = `
import sys
sys.path[:] = [path for path in sys.path if path]
import importlib.util, json, site
spec = importlib.util.find_spec('torch')
places = list(spec.submodule_search_locations or []) if spec else []
searched = [*sys.path, site.getusersitepackages()]
print(json.dumps([sys.prefix, sys.executable, places[0] if places else None, searched]))
`;

/** A Python usually answers within a second, but a busy machine may delay it by many seconds. */
const PROBE_SECONDS = 60;

export interface PythonTorch {
  /** The interpreter that was queried. */
  python: string;
  /** Its torch directory, or null if it has none. */
  root: string | null;
  /** Why there is no torch directory. */
  problem: string;
  /** Whether the interpreter did not answer in time, so that it may still have torch. */
  isUndecided: boolean;
}

/** The Python commands to query, that of the active virtual environment first. */
export function pythonCommands(): string[] {
  const environment = process.env.VIRTUAL_ENV;
  const active = process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python'];
  return [...(environment ? [join(environment, ...active)] : []), 'python3', 'python'];
}

/**
 * Queries one Python after the other, each only when the caller asks for the next result. Commands that start the same
 * Python are skipped. Earlier answers are reused while nothing that they depend on has changed.
 *
 * @param seconds how long to wait for each answer
 */
export function* findPythonTorches(seconds = PROBE_SECONDS): Generator<PythonTorch> {
  const prefixes = new Set<string>();
  for (const command of pythonCommands()) {
    const { prefix, ...torch } = probe(command, seconds);
    if (prefixes.has(prefix)) continue;
    prefixes.add(prefix);
    yield torch;
  }
}

/** Queries one Python. `prefix` is its installation directory; each virtual environment has its own. */
function probe(command: string, seconds: number): PythonTorch & { prefix: string } {
  const known = recall(command);
  if (known) return { ...known, problem: NO_TORCH, isUndecided: false };
  const child = spawnSync(command, ['-c', PROBE], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: seconds * 1000,
    killSignal: 'SIGKILL',
    windowsHide: true,
  });
  const answer = child.status === 0 ? parseAnswer(child.stdout) : null;
  if (answer === null) {
    const isUndecided = (child.error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT';
    const problem = describeFailure(child.error, seconds);
    return { prefix: command, python: command, root: null, problem, isUndecided };
  }
  const [prefix, python, root, searched] = answer;
  if (searched) remember(command, { prefix, python, root }, searched);
  return { prefix, python, root, problem: NO_TORCH, isUndecided: false };
}

const NO_TORCH = 'torch is not installed there';

type Answer = [prefix: string, python: string, root: string | null, searched?: string[]];

function parseAnswer(text: string): Answer | null {
  try {
    // The last line only: start-up files of the user's Python may print before it.
    return JSON.parse(text.trim().split('\n').at(-1) ?? '');
  } catch {
    return null;
  }
}

function describeFailure(error: NodeJS.ErrnoException | undefined, seconds: number): string {
  if (error?.code === 'ENOENT') return 'there is no such program';
  if (error?.code === 'ETIMEDOUT') return `it did not answer within ${seconds} s`;
  return error?.message ?? 'the query for its torch failed';
}
