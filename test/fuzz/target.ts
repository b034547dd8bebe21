import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ErrorCode, InputError } from '../../lib/errors.ts';
import { MEMORY, type MemoryLimit, withinLimits } from './limits.ts';

/*
 * A target is a reader of the product with what must hold for every input: it is refused in words and with one of a few
 * codes, or what was read is what the bytes say.
 */

export interface Target {
  /** The codes with which the reader may refuse an input. */
  refusals: readonly ErrorCode[];
  memory?: MemoryLimit;
  /**
   * Reads an input with the real reader, and checks what comes out.
   *
   * @param directory where the input is to be written; what earlier inputs left there may be overwritten
   * @throws what the reader throws; an AssertionError if what was read is not what the bytes say
   */
  read(bytes: Uint8Array, directory: string): Promise<void>;
  /**
   * The input with its lengths and checksums made right, which changes at random would hardly ever hit, or null if
   * there is nothing to make right. It is read too if the input itself is refused.
   */
  repaired?(bytes: Uint8Array, directory: string): Promise<Uint8Array | null> | Uint8Array | null;
}

/** Longest message of an error: what it repeats of a file is cut. */
const LONGEST_MESSAGE = 4096;

/**
 * Reads an input, and if it is refused the repaired one. Returns whether one of the two was read.
 *
 * @param slack factor of the limits, for a process in which other work has left its garbage
 * @throws Error if anything does not hold that must
 */
export async function checkInput(target: Target, bytes: Uint8Array, slack = 1): Promise<boolean> {
  if (await isRead(target, bytes, slack)) return true;
  const repaired = await target.repaired?.(bytes, directoryOf(target));
  return repaired ? isRead(target, repaired, slack) : false;
}

/** Whether the input was read. Throws unless it was refused as it may be. */
async function isRead(target: Target, bytes: Uint8Array, slack: number): Promise<boolean> {
  const directory = directoryOf(target);
  let refusal: unknown;
  await withinLimits(bytes.length, target.memory ?? MEMORY, slack, async () => {
    refusal = await target.read(bytes, directory).then(
      () => null,
      (error: unknown) => error,
    );
  });
  if (refusal === null) return true;
  if (!(refusal instanceof InputError) || !target.refusals.includes(refusal.code)) throw refusal;
  const { message } = refusal;
  assert.ok(message.includes(directory), `The message names no file: ${message}`);
  assert.ok(message.length <= LONGEST_MESSAGE, `Its ${message.length} characters are too many: ${message}`);
  return false;
}

let root: string | undefined;

const directories = new Map<Target, string>();

/** The directory for a target's inputs, which stays as long as this process. */
function directoryOf(target: Target): string {
  if (root === undefined) {
    const made = mkdtempSync(join(realpathSync(tmpdir()), 'torch-tl-fuzz-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    root = made;
  }
  const directory = directories.get(target) ?? join(root, String(directories.size));
  directories.set(target, directory);
  mkdirSync(directory, { recursive: true });
  return directory;
}
