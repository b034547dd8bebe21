import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { EpochMetrics } from '../engine/native-training.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { csvRow } from '../formats/csv.ts';
import { unreadable, unwritable } from '../support/files.ts';
import { readRegularText } from '../support/regular-file.ts';
import { FORMAT_VERSION } from './results.ts';

/*
 * The epochs in a run directory, one line per epoch: `epochs.jsonl`, and `metrics.csv` for spreadsheets. A line is on disk
 * before `appendEpoch` resolves.
 */

const JSON_LINES = 'epochs.jsonl';
const CSV = 'metrics.csv';

const COLUMNS = [
  'epoch',
  'stage',
  'lr',
  'trainLoss',
  'trainAccuracy',
  'validLoss',
  'validAccuracy',
  'seconds',
  'best',
  'monitored',
] as const satisfies ReadonlyArray<keyof EpochMetrics>;

/**
 * Makes the files hold exactly these epochs. Existing lines of epochs.jsonl stay as they are; later lines and an
 * incomplete one are removed, and missing lines are added.
 *
 * @throws InputError `FILE_UNREADABLE`; TorchTlError `WRITE_FAILED`
 */
export async function writeEpochs(directory: string, epochs: readonly EpochMetrics[]): Promise<void> {
  const file = join(directory, JSON_LINES);
  const written = existsSync(file) ? (await textOf(file)).split('\n').slice(0, -1) : [];
  const kept = written.slice(0, epochs.length).map((line) => `${line}\n`);
  await writeText(file, [...kept, ...epochs.slice(kept.length).map(jsonLine)]);
  await writeText(join(directory, CSV), [`${csvRow(COLUMNS)}\r\n`, ...epochs.map(csvLine)]);
}

async function textOf(file: string): Promise<string> {
  try {
    return await readRegularText(file);
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/**
 * Appends an epoch to both files.
 *
 * @param requireInPlace throws if another directory has taken the place of this one, whose files stay as they are
 * @throws TorchTlError `WRITE_FAILED`; what `requireInPlace` throws
 */
export async function appendEpoch(
  directory: string,
  epoch: EpochMetrics,
  requireInPlace: () => Promise<void>,
): Promise<void> {
  try {
    await appendLine(join(directory, JSON_LINES), jsonLine(epoch), requireInPlace);
    await appendLine(join(directory, CSV), csvLine(epoch), requireInPlace);
  } catch (cause) {
    throw unwritable(directory, cause);
  }
}

async function appendLine(path: string, line: string, requireInPlace: () => Promise<void>): Promise<void> {
  await requireInPlace();
  const file = await open(path, 'a');
  try {
    // Again: the directory may have gone before the file was opened. From now on it cannot become another file.
    await requireInPlace();
    await file.appendFile(line);
    await file.sync();
  } finally {
    await file.close();
  }
}

function jsonLine(epoch: EpochMetrics): string {
  return `${JSON.stringify({ formatVersion: FORMAT_VERSION, ...epoch })}\n`;
}

function csvLine(epoch: EpochMetrics): string {
  const { best, ...numbers } = epoch;
  const fields = { monitored: null, ...numbers, best: String(best) };
  return `${csvRow(COLUMNS.map((column) => fields[column]))}\r\n`;
}

function writeText(path: string, lines: string[]): Promise<void> {
  return writeFileAtomically(path, [Buffer.from(lines.join(''))]);
}
