import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError, TorchTlError } from '../errors.ts';
import { writeFileAtomically } from '../files.ts';

/** `runs/<experiment>-<date>-<time>` in the working directory. */
export function defaultRunDirectory(experiment: string, now = new Date()): string {
  const digits = (value: number) => String(value).padStart(2, '0');
  const date = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map(digits).join('');
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(digits).join('');
  return join('runs', `${experiment}-${date}-${time}`);
}

/**
 * Makes sure that a run may have the directory: nothing is there, or an empty directory.
 *
 * @throws InputError `OUTPUT_EXISTS`
 */
export async function requireVacant(path: string): Promise<void> {
  const files = await filesIn(path);
  if (files.length === 0) return;
  const what = files.includes('config.json') ? 'already holds another run' : 'is not empty';
  throw new InputError('OUTPUT_EXISTS', `${resolve(path)} ${what}. Give a directory that is new or empty.`);
}

/**
 * What a run leaves behind: `config.json`, `epochs.jsonl`, `results.json` and `best.safetensors`.
 * An epoch's line is on the disk before `appendEpoch` resolves; the other files are there whole or not
 * at all.
 */
export class RunDirectory {
  /** Absolute. */
  readonly path: string;
  readonly #epochs: FileHandle;

  private constructor(path: string, epochs: FileHandle) {
    this.path = path;
    this.#epochs = epochs;
  }

  /**
   * Makes the directory, if need be, and writes `config.json`.
   *
   * @throws InputError `OUTPUT_EXISTS` or `WRITE_FAILED`
   */
  static async create(path: string, config: object): Promise<RunDirectory> {
    await requireVacant(path);
    const directory = new RunDirectory(resolve(path), await makeWithEpochs(path));
    await directory.#writeJson('config.json', config);
    return directory;
  }

  get best(): string {
    return join(this.path, 'best.safetensors');
  }

  async appendEpoch(epoch: object): Promise<void> {
    try {
      await this.#epochs.appendFile(`${JSON.stringify(epoch)}\n`);
      await this.#epochs.datasync();
    } catch (cause) {
      throw new TorchTlError('WRITE_FAILED', `Cannot write to ${this.path}: ${(cause as Error).message}.`, {
        cause,
      });
    }
  }

  async writeResults(results: object): Promise<void> {
    await this.#writeJson('results.json', results);
  }

  async close(): Promise<void> {
    await this.#epochs.close();
  }

  async #writeJson(name: string, content: object): Promise<void> {
    const text = `${JSON.stringify(content, null, 2)}\n`;
    await writeFileAtomically(join(this.path, name), [Buffer.from(text)]);
  }
}

async function filesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    if (code === 'ENOTDIR') {
      throw new InputError(
        'OUTPUT_EXISTS',
        `${resolve(path)} is, or lies under, a file. Give a new directory.`,
      );
    }
    throw cannotMake(path, cause);
  }
}

/** Opening `epochs.jsonl` exclusively decides which of two runs gets an empty directory. */
async function makeWithEpochs(path: string): Promise<FileHandle> {
  try {
    await mkdir(path, { recursive: true });
    return await open(join(path, 'epochs.jsonl'), 'ax');
  } catch (cause) {
    throw cannotMake(path, cause);
  }
}

function cannotMake(path: string, cause: unknown): InputError {
  const { message } = cause as Error;
  return new InputError('WRITE_FAILED', `Cannot use ${resolve(path)} for the run: ${message}.`, { cause });
}
