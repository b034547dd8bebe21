import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { cacheDirectory } from '../support/cache-directory.ts';

/*
 * Keeps the answers of Pythons in a file of the cache. On a busy machine a Python may take many seconds to start, and
 * every process and Worker would have to query it again.
 */

/** Locations of a Python and of its torch. */
const answer = z.object({ prefix: z.string(), python: z.string(), root: z.string().nullable() });

export type PythonAnswer = z.output<typeof answer>;

const remembered = z.record(
  z.string(),
  answer.extend({
    /** Identifies the program and the environment variables that affect its answer. */
    asked: z.string(),
    /** The directories that the Python searches, with their modification times, or null if missing. */
    places: z.array(z.tuple([z.string(), z.number().nullable()])),
  }),
);

type Remembered = z.output<typeof remembered>;

/** The last answer of a Python, given by name or path, or null if anything that it depends on has changed. */
export function recall(command: string): PythonAnswer | null {
  const program = findProgram(command);
  const known = program && readMemory()[program];
  if (!known || known.asked !== identity(program)) return null;
  if (known.places.some(([path, time]) => changeTime(path) !== time)) return null;
  if (known.root !== null && changeTime(known.root) === null) return null;
  return { prefix: known.prefix, python: known.python, root: known.root };
}

/**
 * Keeps an answer, except that of a wrapper program other than pyenv's, which may start a different Python next time.
 * If the cache cannot be written, nothing is kept and the Python will be queried again.
 *
 * @param searched the directories in which the Python searches for packages
 */
export function remember(command: string, answered: PythonAnswer, searched: readonly string[]): void {
  const program = findProgram(command);
  const choices = program && choicesOf(program);
  if (program === null || choices === null) return;
  const places = [...searched, ...choices];
  const known: Remembered = {
    ...readMemory(),
    [program]: {
      ...answered,
      asked: identity(program),
      places: places.map((path) => [path, changeTime(path)]),
    },
  };
  try {
    const file = memoryFile();
    const temporary = `${file}.${process.pid}-${process.hrtime.bigint()}`;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(temporary, JSON.stringify(known));
    renameSync(temporary, file);
  } catch {}
}

function memoryFile(): string {
  return join(cacheDirectory(), 'pythons.json');
}

function readMemory(): Remembered {
  try {
    return remembered.parse(JSON.parse(readFileSync(memoryFile(), 'utf8')));
  } catch {
    return {};
  }
}

/** Finds a command on PATH. Links are not resolved: in a virtual environment the link's own path matters. */
function findProgram(command: string): string | null {
  if (dirname(command) !== '.') return resolve(command);
  const directories = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const found = directories
    .map((directory) => resolve(directory, command))
    .find((path) => changeTime(path) !== null);
  return found ?? null;
}

function identity(program: string): string {
  const { PYTHONPATH, PYTHONHOME, PYTHONNOUSERSITE, PYTHONUSERBASE, HOME, PYENV_VERSION, PYENV_ROOT } =
    process.env;
  const variables = [
    PYTHONPATH,
    PYTHONHOME,
    PYTHONNOUSERSITE,
    PYTHONUSERBASE,
    HOME,
    PYENV_VERSION,
    PYENV_ROOT,
  ];
  return JSON.stringify([
    changeTime(program),
    isPyenv(program) ? pyenvVersionFile(program) : null,
    ...variables,
  ]);
}

/** The files that decide which Python a program starts: none for Python itself; null if unknown. */
function choicesOf(program: string): string[] | null {
  if (isPyenv(program)) return [pyenvVersionFile(program)];
  return /^python/i.test(basename(realpathSync(program))) && !startOf(program).startsWith('#!') ? [] : null;
}

/** Whether a program is a shim of pyenv. */
function isPyenv(program: string): boolean {
  const start = startOf(program);
  return start.startsWith('#!') && /\bpyenv\W+exec\b/.test(start);
}

/**
 * The file that names pyenv's Python, as `pyenv version-file` says: of the working directory, of the nearest directory
 * above, or pyenv's own. The answer then serves all directories without a file, and costs their first command nothing.
 */
function pyenvVersionFile(program: string): string {
  for (const start of [process.env.PYENV_DIR ?? '', process.cwd()]) {
    for (let directory = resolve(start); ; directory = dirname(directory)) {
      const file = join(directory, '.python-version');
      if (changeTime(file) !== null) return file;
      if (dirname(directory) === directory) break;
    }
  }
  return join(process.env.PYENV_ROOT ?? join(dirname(program), '..'), 'version');
}

/** The first bytes of a file as text; empty if it cannot be read. */
function startOf(program: string): string {
  try {
    const file = openSync(program, 'r');
    try {
      const bytes = Buffer.alloc(1000);
      return bytes.subarray(0, readSync(file, bytes)).toString('latin1');
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}

/** Modification time in milliseconds, or null if the path does not exist. */
function changeTime(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? null;
}
