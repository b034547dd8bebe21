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
 * What Pythons have answered, in a file of the cache: on a busy machine one may take many seconds to start, and every
 * process and Worker would ask it anew.
 */

/** Where a Python is, and where its torch. */
const answer = z.object({ prefix: z.string(), python: z.string(), root: z.string().nullable() });

export type PythonAnswer = z.output<typeof answer>;

const remembered = z.record(
  z.string(),
  answer.extend({
    /** Of the program and of what in the environment bears on its answer. */
    asked: z.string(),
    /** The directories that it looks for packages in, with the times at which they last changed, null where there is none. */
    places: z.array(z.tuple([z.string(), z.number().nullable()])),
  }),
);

type Remembered = z.output<typeof remembered>;

/** What a Python on PATH, or of a path, answered last, if nothing has changed since that its answer depends on. */
export function recall(command: string): PythonAnswer | null {
  const program = findProgram(command);
  const known = program && readMemory()[program];
  if (!known || known.asked !== identity(program)) return null;
  if (known.places.some(([path, time]) => changeTime(path) !== time)) return null;
  if (known.root !== null && changeTime(known.root) === null) return null;
  return { prefix: known.prefix, python: known.python, root: known.root };
}

/**
 * Keeps an answer. Not that of a program that may choose another Python the next time, unless it is pyenv's; and where
 * the cache cannot be written the Python is only asked again.
 *
 * @param searched the directories that the Python looks for packages in
 */
export function remember(command: string, given: PythonAnswer, searched: readonly string[]): void {
  const program = findProgram(command);
  const choices = program && choicesOf(program);
  if (program === null || choices === null) return;
  const places = [...searched, ...choices];
  const known: Remembered = {
    ...readMemory(),
    [program]: {
      ...given,
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

/** As the system looks for it; not what a link leads to, since a virtual environment's name is its own. */
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
  const where = isPyenv(program) ? process.cwd() : '';
  return JSON.stringify([changeTime(program), where, ...variables]);
}

/** The files that say which Python a program is: none for Python itself; null where it cannot be told. */
function choicesOf(program: string): string[] | null {
  if (isPyenv(program)) {
    const above = [process.cwd()];
    while (dirname(above[0] as string) !== above[0]) above.unshift(dirname(above[0] as string));
    const root = process.env.PYENV_ROOT ?? join(dirname(program), '..');
    return [...above.map((directory) => join(directory, '.python-version')), join(root, 'version')];
  }
  return /^python/i.test(basename(realpathSync(program))) && !startOf(program).startsWith('#!') ? [] : null;
}

/** Whether it is what pyenv has in Python's place. */
function isPyenv(program: string): boolean {
  const start = startOf(program);
  return start.startsWith('#!') && /\bpyenv\W+exec\b/.test(start);
}

/** Empty where it cannot be read. */
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

/** Null where there is nothing. */
function changeTime(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? null;
}
