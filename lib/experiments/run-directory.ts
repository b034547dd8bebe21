import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { EpochMetrics } from '../engine/native-training.ts';
import { InputError, TorchTlError } from '../errors.ts';
import { makeDirectory, removeTemporaries, TEMPORARY, writeFileAtomically } from '../files/atomic-file.ts';
import { type FileLock, isLocked, lockFile } from '../files/file-lock.ts';
import { HeldDirectory } from '../files/held-directory.ts';
import { reason, unwritable } from '../support/files.ts';
import { pause } from '../support/signals.ts';
import { appendEpoch, writeEpochs } from './epoch-files.ts';
import { MANIFEST, type Manifest } from './manifest.ts';
import { ProgressFile } from './progress-file.ts';
import type { RunTracker } from './run-status.ts';

/** `runs/<experiment>-<date>-<time>` in the working directory. */
export function defaultRunDirectory(experiment: string, now = new Date()): string {
  const digits = (value: number) => String(value).padStart(2, '0');
  const date = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map(digits).join('');
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(digits).join('');
  return join('runs', `${experiment}-${date}-${time}`);
}

/**
 * Makes a new directory. If the name is taken, a number is appended, so that runs that start in the same second get
 * one each.
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

/** False if something of that name exists. */
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
export const VALIDATION = 'validation.json';
const LABEL_ISSUES = 'label-issues.csv';
const SAMPLES = 'samples.json';
const REPORT = 'report.html';

const HOLDS_RUN = 'already holds another run. Give a directory that is new or empty';

/**
 * Makes sure that a new run may use the directory: it does not exist, or it is empty.
 *
 * @throws InputError `OUTPUT_EXISTS`
 */
export async function requireVacant(path: string): Promise<void> {
  const files = await filesIn(path);
  if (files.length === 0) return;
  throw files.includes(CONFIG)
    ? exists(path, `${HOLDS_RUN}, or \`resume: true\` to resume it`, `${HOLDS_RUN}, or --resume to resume it`)
    : exists(path, 'is not empty. Give a directory that is new or empty');
}

/** What a run directory records of a run before it trains. */
interface RunRecord {
  config: object;
  manifest: Pick<Manifest, 'pieces'>;
}

/**
 * The files of a run: `config.json`, `images.csv`, `samples.json`, `epochs.jsonl` and `metrics.csv`, `results.json`,
 * `validation.json`, `label-issues.csv`, `best.safetensors`, a checkpoint, and `progress.json` for who looks on. The
 * lines of an epoch are on disk before `appendEpoch` resolves; every other file is either complete or absent. The
 * directory is locked while it is open, and nothing is written to another one that has taken its place.
 */
export class RunDirectory {
  /** Absolute path. */
  readonly path: string;
  readonly #config: object;
  readonly #manifest: Pick<Manifest, 'pieces'>;
  readonly #lock: FileLock;
  readonly #held: HeldDirectory;
  #progress: ProgressFile | undefined;

  private constructor(
    path: string,
    { config, manifest }: RunRecord,
    { lock, held }: { lock: FileLock; held: HeldDirectory },
  ) {
    this.path = path;
    this.#config = config;
    this.#manifest = manifest;
    this.#lock = lock;
    this.#held = held;
  }

  /**
   * Creates the directory if needed, with `config.json` and `images.csv` and without epochs.
   *
   * @throws InputError `OUTPUT_EXISTS`, `RUN_LOCKED` or `WRITE_FAILED`
   */
  static async create(
    path: string,
    config: object,
    manifest: Pick<Manifest, 'pieces'>,
  ): Promise<RunDirectory> {
    await requireVacant(path);
    return RunDirectory.#open(path, { config, manifest }, async () => {
      // Another run may have taken the directory and ended before this one got the lock.
      await requireVacant(path);
      await writeJson(path, CONFIG, config);
      await writeManifest(path, manifest);
      await writeEpochs(path, []);
    });
  }

  /**
   * Opens the directory of a run to resume. Until `rewindTo` only temporary files of a killed process are removed.
   *
   * @throws InputError `RUN_LOCKED` or `WRITE_FAILED`
   */
  static async reopen(
    path: string,
    config: object,
    manifest: Pick<Manifest, 'pieces'>,
  ): Promise<RunDirectory> {
    return RunDirectory.#open(path, { config, manifest }, async () => {});
  }

  static async #open(path: string, record: RunRecord, prepare: () => Promise<void>): Promise<RunDirectory> {
    const lock = await makeLocked(path);
    try {
      await removeTemporaries(path);
      await removeTemporaries(dirname(checkpointIn(path)));
      await prepare();
      return new RunDirectory(resolve(path), record, { lock, held: new HeldDirectory(path) });
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

  /** @throws TorchTlError `WRITE_FAILED` if the directory is not where it was */
  async requireInPlace(): Promise<void> {
    await this.#held.requireInPlace();
  }

  /** Runs work that writes to the directory; see `HeldDirectory.whileInPlace`. */
  async whileInPlace(work: () => Promise<void>): Promise<void> {
    await this.#held.whileInPlace(work);
  }

  /**
   * Restores the state of the directory after these epochs (see `writeEpochs`) and writes the current `config.json`
   * and `images.csv`.
   *
   * @throws TorchTlError `WRITE_FAILED`
   */
  async rewindTo(epochs: readonly EpochMetrics[]): Promise<void> {
    await this.requireInPlace();
    await writeJson(this.path, CONFIG, this.#config);
    await writeManifest(this.path, this.#manifest);
    await writeEpochs(this.path, epochs);
    const ofEnd = [RESULTS, VALIDATION, LABEL_ISSUES, REPORT].map((name) => join(this.path, name));
    for (const path of epochs.length === 0 ? [...ofEnd, this.best] : ofEnd) {
      await rm(path, { force: true }).catch((cause) => {
        throw unwritable(path, cause);
      });
    }
  }

  /** @throws TorchTlError `WRITE_FAILED` */
  async appendEpoch(epoch: EpochMetrics): Promise<void> {
    await this.whileInPlace(() => appendEpoch(this.path, epoch, () => this.requireInPlace()));
  }

  /** @throws TorchTlError `WRITE_FAILED` */
  async writeSamples(samples: object): Promise<void> {
    await this.#write(SAMPLES, samples);
  }

  /** @throws TorchTlError `WRITE_FAILED` */
  async writeResults(results: object): Promise<void> {
    await this.#write(RESULTS, results);
  }

  /** @throws TorchTlError `WRITE_FAILED` */
  async writeValidation(report: object): Promise<void> {
    await this.#write(VALIDATION, report);
  }

  get labelIssues(): string {
    return join(this.path, LABEL_ISSUES);
  }

  /** @throws TorchTlError `WRITE_FAILED` */
  async writeLabelIssues(csv: string): Promise<void> {
    await this.whileInPlace(() => writeFileAtomically(this.labelIssues, [Buffer.from(csv)]));
  }

  /** Writes what the run is doing to `progress.json` from now on. */
  showProgress(tracker: RunTracker): void {
    this.#progress = new ProgressFile(this.#held, tracker);
  }

  /** A lock file that cannot be removed does no harm: it keeps others out only while it is locked. */
  async close(): Promise<void> {
    await this.#progress?.end();
    // One in another directory would be another run's.
    if (await this.#held.isInPlace()) await rm(join(this.path, LOCK), { force: true }).catch(() => {});
    this.#lock.release();
    this.#held.close();
  }

  async #write(name: string, content: object): Promise<void> {
    await this.whileInPlace(() => writeJson(this.path, name, content));
  }
}

/** Whether a process is writing to the run in a directory. */
export function isOpen(path: string): boolean {
  return isLocked(join(path, LOCK));
}

/** Whether a directory holds a run. */
export async function holdsRun(path: string): Promise<boolean> {
  return (await namesIn(path)).includes(CONFIG);
}

/** Names of the run directories in a directory, sorted. */
export async function runsIn(path: string): Promise<string[]> {
  const names = (await namesIn(path)).sort();
  const held = await Promise.all(names.map((name) => holdsRun(join(path, name))));
  return names.filter((_, index) => held[index]);
}

/** Empty if the directory cannot be read. */
function namesIn(path: string): Promise<string[]> {
  return readdir(path).catch(() => []);
}

/** Path of a run's checkpoint. */
export function checkpointIn(path: string): string {
  return join(path, 'checkpoint', 'training.safetensors');
}

async function writeJson(directory: string, name: string, content: object): Promise<void> {
  const text = `${JSON.stringify(content, null, 2)}\n`;
  await writeFileAtomically(join(directory, name), [Buffer.from(text)]);
}

async function writeManifest(directory: string, { pieces }: Pick<Manifest, 'pieces'>): Promise<void> {
  await writeFileAtomically(join(directory, MANIFEST), pieces);
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

/** Longer than `isOpen` holds a lock. */
const ASKED_MILLISECONDS = 50;

async function lockAgain(file: string): Promise<FileLock | null> {
  await pause(ASKED_MILLISECONDS, undefined);
  return lockFile(file);
}

async function makeLocked(path: string): Promise<FileLock> {
  try {
    await makeDirectory(path);
  } catch (cause) {
    throw cannotMake(path, cause);
  }
  const file = join(path, LOCK);
  const lock = lockFile(file) ?? (await lockAgain(file));
  if (lock) return lock;
  throw new InputError(
    'RUN_LOCKED',
    `Another run is writing to ${resolve(path)}. Wait until it ends, or give another directory.`,
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
