import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { EpochMetrics } from '../engine/native.ts';
import { InputError, TorchTlError } from '../errors.ts';
import { makeDirectory, removeTemporaries, TEMPORARY, writeFileAtomically } from '../files/atomic-file.ts';
import { type FileLock, lockFile } from '../files/file-lock.ts';
import { reason } from '../support/files.ts';
import { appendEpoch, writeEpochs } from './epoch-files.ts';

/** `runs/<experiment>-<date>-<time>` in the working directory. */
export function defaultRunDirectory(experiment: string, now = new Date()): string {
  const digits = (value: number) => String(value).padStart(2, '0');
  const date = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map(digits).join('');
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(digits).join('');
  return join('runs', `${experiment}-${date}-${time}`);
}

/**
 * Makes a directory that nobody has, under a name or, where that is taken, the name and a number: of runs that start
 * in the same second each gets its own.
 *
 * @throws InputError `WRITE_FAILED`
 */
export async function makeUnusedDirectory(path: string): Promise<string> {
  try {
    await makeDirectory(dirname(path));
    for (let number = 1; ; number++) {
      const candidate = number === 1 ? path : `${path}-${number}`;
      if (await isMade(candidate)) return candidate;
    }
  } catch (cause) {
    throw cannotMake(path, cause);
  }
}

/** False where there is something of that name. */
async function isMade(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cause;
  }
}

const LOCK = 'lock';
const CONFIG = 'config.json';
const RESULTS = 'results.json';
const VALIDATION = 'validation.json';
const REPORT = 'report.html';

const HOLDS_RUN = 'already holds another run. Give a directory that is new or empty';

/**
 * Makes sure that a run may have the directory: nothing is there, or an empty directory.
 *
 * @throws InputError `OUTPUT_EXISTS`
 */
export async function requireVacant(path: string): Promise<void> {
  const files = await filesIn(path);
  if (files.length === 0) return;
  throw files.includes(CONFIG)
    ? exists(
        path,
        `${HOLDS_RUN}, or \`resume: true\` to go on with it`,
        `${HOLDS_RUN}, or --resume to go on with it`,
      )
    : exists(path, 'is not empty. Give a directory that is new or empty');
}

/**
 * What a run leaves behind: `config.json`, `epochs.jsonl` and `metrics.csv`, `results.json`, `validation.json`,
 * `best.safetensors` and a checkpoint. An epoch's lines are on the disk before `appendEpoch` resolves; the other files are there
 * whole or not at all. While it is open the directory is locked.
 */
export class RunDirectory {
  /** Absolute. */
  readonly path: string;
  readonly #config: object;
  readonly #lock: FileLock;

  private constructor(path: string, config: object, lock: FileLock) {
    this.path = path;
    this.#config = config;
    this.#lock = lock;
  }

  /**
   * Makes the directory, if need be, with `config.json` and no epochs.
   *
   * @throws InputError `OUTPUT_EXISTS`, `RUN_LOCKED` or `WRITE_FAILED`
   */
  static async create(path: string, config: object): Promise<RunDirectory> {
    await requireVacant(path);
    return RunDirectory.#open(path, config, async () => {
      // A run that wanted the directory too may have had it, and ended, before the lock was ours.
      await requireVacant(path);
      await writeJson(path, CONFIG, config);
      await writeEpochs(path, []);
    });
  }

  /**
   * Opens the directory of a run that shall go on. All stays as it is, and only what a killed process was
   * writing goes, before `goBackTo`.
   *
   * @throws InputError `RUN_LOCKED` or `WRITE_FAILED`
   */
  static async reopen(path: string, config: object): Promise<RunDirectory> {
    return RunDirectory.#open(path, config, async () => {});
  }

  static async #open(path: string, config: object, prepare: () => Promise<void>): Promise<RunDirectory> {
    const lock = await makeLocked(path);
    try {
      await removeTemporaries(path);
      await removeTemporaries(dirname(checkpointIn(path)));
      await prepare();
      return new RunDirectory(resolve(path), config, lock);
    } catch (cause) {
      lock.release();
      throw cause instanceof TorchTlError ? cause : cannotMake(path, cause);
    }
  }

  get best(): string {
    return join(this.path, 'best.safetensors');
  }

  get checkpoint(): string {
    return checkpointIn(this.path);
  }

  /**
   * Puts the directory back to where these epochs were behind the run, see `writeEpochs`; `config.json` says how
   * it goes on.
   *
   * @throws TorchTlError `WRITE_FAILED`
   */
  async goBackTo(epochs: readonly EpochMetrics[]): Promise<void> {
    await writeJson(this.path, CONFIG, this.#config);
    await writeEpochs(this.path, epochs);
    for (const name of [RESULTS, VALIDATION, REPORT]) await rm(join(this.path, name), { force: true });
    if (epochs.length === 0) await rm(this.best, { force: true });
  }

  /** @throws TorchTlError `WRITE_FAILED` */
  async appendEpoch(epoch: EpochMetrics): Promise<void> {
    await appendEpoch(this.path, epoch);
  }

  async writeResults(results: object): Promise<void> {
    await writeJson(this.path, RESULTS, results);
  }

  async writeValidation(report: object): Promise<void> {
    await writeJson(this.path, VALIDATION, report);
  }

  /** The lock's file may stay where it cannot be removed: only while it is locked does it keep others out. */
  async close(): Promise<void> {
    await rm(join(this.path, LOCK), { force: true }).catch(() => {});
    this.#lock.release();
  }
}

/** Whether a directory is that of a run. */
export async function holdsRun(path: string): Promise<boolean> {
  return (await namesIn(path)).includes(CONFIG);
}

/** The directories in a directory that are those of runs, by name. */
export async function runsIn(path: string): Promise<string[]> {
  const names = (await namesIn(path)).sort();
  const held = await Promise.all(names.map((name) => holdsRun(join(path, name))));
  return names.filter((_, index) => held[index]);
}

/** None where the directory cannot be read. */
function namesIn(path: string): Promise<string[]> {
  return readdir(path).catch(() => []);
}

/** Where a run's checkpoint is. */
export function checkpointIn(path: string): string {
  return join(path, 'checkpoint', 'training.safetensors');
}

async function writeJson(directory: string, name: string, content: object): Promise<void> {
  const text = `${JSON.stringify(content, null, 2)}\n`;
  await writeFileAtomically(join(directory, name), [Buffer.from(text)]);
}

async function filesIn(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).filter((name) => name !== LOCK && !TEMPORARY.test(name));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    if (code === 'ENOTDIR') throw exists(path, 'is, or lies under, a file. Give a new directory');
    throw cannotMake(path, cause);
  }
}

async function makeLocked(path: string): Promise<FileLock> {
  try {
    await makeDirectory(path);
  } catch (cause) {
    throw cannotMake(path, cause);
  }
  const lock = lockFile(join(path, LOCK));
  if (lock) return lock;
  throw new InputError(
    'RUN_LOCKED',
    `Another run is at work in ${resolve(path)}. Wait for its end, or give another directory.`,
  );
}

function exists(path: string, what: string, atCommandLine = what): InputError {
  const said = (text: string) => `${resolve(path)} ${text}.`;
  return new InputError('OUTPUT_EXISTS', said(what), { atCommandLine: said(atCommandLine) });
}

function cannotMake(path: string, cause: unknown): InputError {
  const why = reason(cause as NodeJS.ErrnoException);
  return new InputError('WRITE_FAILED', `Cannot use ${resolve(path)} for the run: ${why}.`, { cause });
}
