import { type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { InputError, TorchTlError } from '../errors.ts';
import { type FileLock, lockFile } from '../file-lock.ts';
import { removeTemporaries, TEMPORARY, writeFileAtomically } from '../files.ts';
import type { EpochMetrics } from '../native.ts';
import { FORMAT_VERSION } from './results.ts';

/** `runs/<experiment>-<date>-<time>` in the working directory. */
export function defaultRunDirectory(experiment: string, now = new Date()): string {
  const digits = (value: number) => String(value).padStart(2, '0');
  const date = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map(digits).join('');
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(digits).join('');
  return join('runs', `${experiment}-${date}-${time}`);
}

const LOCK = 'lock';
const RESULTS = 'results.json';
const VALIDATION = 'validation.json';

/**
 * Makes sure that a run may have the directory: nothing is there, or an empty directory.
 *
 * @throws InputError `OUTPUT_EXISTS`
 */
export async function requireVacant(path: string): Promise<void> {
  const files = await filesIn(path);
  if (files.length === 0) return;
  throw files.includes('config.json')
    ? exists(path, 'already holds another run. Give a directory that is new or empty, or --resume')
    : exists(path, 'is not empty. Give a directory that is new or empty');
}

/**
 * What a run leaves behind: `config.json`, `epochs.jsonl`, `results.json`, `validation.json`, `best.safetensors`
 * and a checkpoint. An epoch's line is on the disk before `appendEpoch` resolves; the other files are there
 * whole or not at all. While it is open the directory is locked.
 */
export class RunDirectory {
  /** Absolute. */
  readonly path: string;
  readonly #config: object;
  readonly #lock: FileLock;
  #epochs: FileHandle;

  private constructor(path: string, config: object, lock: FileLock, epochs: FileHandle) {
    this.path = path;
    this.#config = config;
    this.#lock = lock;
    this.#epochs = epochs;
  }

  /**
   * Makes the directory, if need be, and writes `config.json`.
   *
   * @throws InputError `OUTPUT_EXISTS`, `RUN_LOCKED` or `WRITE_FAILED`
   */
  static async create(path: string, config: object): Promise<RunDirectory> {
    await requireVacant(path);
    return RunDirectory.#open(path, config, async () => {
      // A run that wanted the directory too may have had it, and ended, before the lock was ours.
      await requireVacant(path);
      await writeJson(path, 'config.json', config);
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
      return new RunDirectory(resolve(path), config, lock, await open(join(path, 'epochs.jsonl'), 'a'));
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
   * Puts the directory back to where so many epochs were behind the run: of epochs.jsonl their lines stay
   * as they are, later ones and a torn one go, and lines that were not written yet are added;
   * `config.json` says how it goes on.
   *
   * @throws TorchTlError `WRITE_FAILED`
   */
  async goBackTo(epochs: readonly EpochMetrics[]): Promise<void> {
    await writeJson(this.path, 'config.json', this.#config);
    const file = join(this.path, 'epochs.jsonl');
    const kept = (await readFile(file, 'utf8')).split('\n').slice(0, -1).slice(0, epochs.length);
    const lines = [...kept.map((line) => `${line}\n`), ...epochs.slice(kept.length).map(lineOf)];
    await writeFileAtomically(file, [Buffer.from(lines.join(''))]);
    await this.#epochs.close();
    this.#epochs = await open(file, 'a');
    for (const name of [RESULTS, VALIDATION]) await rm(join(this.path, name), { force: true });
    if (epochs.length === 0) await rm(this.best, { force: true });
  }

  async appendEpoch(epoch: EpochMetrics): Promise<void> {
    try {
      await this.#epochs.appendFile(lineOf(epoch));
      await this.#epochs.datasync();
    } catch (cause) {
      throw new TorchTlError('WRITE_FAILED', `Cannot write to ${this.path}: ${(cause as Error).message}.`, {
        cause,
      });
    }
  }

  async writeResults(results: object): Promise<void> {
    await writeJson(this.path, RESULTS, results);
  }

  async writeValidation(report: object): Promise<void> {
    await writeJson(this.path, VALIDATION, report);
  }

  async close(): Promise<void> {
    await this.#epochs.close();
    await rm(join(this.path, LOCK), { force: true });
    this.#lock.release();
  }
}

/** Where a run's checkpoint is. */
export function checkpointIn(path: string): string {
  return join(path, 'checkpoint', 'training.safetensors');
}

async function writeJson(directory: string, name: string, content: object): Promise<void> {
  const text = `${JSON.stringify(content, null, 2)}\n`;
  await writeFileAtomically(join(directory, name), [Buffer.from(text)]);
}

function lineOf(epoch: EpochMetrics): string {
  return `${JSON.stringify({ formatVersion: FORMAT_VERSION, ...epoch })}\n`;
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
    await mkdir(path, { recursive: true });
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

function exists(path: string, what: string): InputError {
  return new InputError('OUTPUT_EXISTS', `${resolve(path)} ${what}.`);
}

function cannotMake(path: string, cause: unknown): InputError {
  const { message } = cause as Error;
  return new InputError('WRITE_FAILED', `Cannot use ${resolve(path)} for the run: ${message}.`, { cause });
}
