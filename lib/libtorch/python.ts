import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { recall, remember } from './python-memory.ts';

/** Finds torch without importing it: that takes seconds and may start CUDA. */
const PROBE = `
import sys
sys.path[:] = [path for path in sys.path if path]
import importlib.util, json, site
spec = importlib.util.find_spec('torch')
places = list(spec.submodule_search_locations or []) if spec else []
searched = [*sys.path, site.getusersitepackages()]
print(json.dumps([sys.prefix, sys.executable, places[0] if places else None, searched]))
`;

/** A Python answers within a second; on a machine that is busy with other things, many seconds later. */
const PROBE_SECONDS = 60;

export interface PythonTorch {
  /** The interpreter asked. */
  python: string;
  /** Its torch directory, or null where there is none. */
  root: string | null;
  /** Why there is none. */
  problem: string;
  /** Whether it has not answered in time, and may well have torch. */
  isUndecided: boolean;
}

/** The Pythons to ask, the active virtual environment's first. */
export function pythonCommands(): string[] {
  const environment = process.env.VIRTUAL_ENV;
  const active = process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python'];
  return [...(environment ? [join(environment, ...active)] : []), 'python3', 'python'];
}

/**
 * Asks each Python in turn, only when its answer is wanted, and leaves out other names of the same one. What one has
 * answered before stands while nothing has changed that it depends on.
 *
 * @param seconds how long to wait for an answer
 */
export function* findPythonTorches(seconds = PROBE_SECONDS): Generator<PythonTorch> {
  const asked = new Set<string>();
  for (const command of pythonCommands()) {
    const { prefix, ...torch } = probe(command, seconds);
    if (asked.has(prefix)) continue;
    asked.add(prefix);
    yield torch;
  }
}

/** `prefix` is where the Python is installed; each virtual environment has its own. */
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
    // The last line: start-up files of the user's Python may print ahead of it.
    return JSON.parse(text.trim().split('\n').at(-1) ?? '');
  } catch {
    return null;
  }
}

function describeFailure(error: NodeJS.ErrnoException | undefined, seconds: number): string {
  if (error?.code === 'ENOENT') return 'there is no such program';
  if (error?.code === 'ETIMEDOUT') return `it was too slow: it did not answer within ${seconds} s`;
  return error?.message ?? 'it could not be asked where torch is';
}
