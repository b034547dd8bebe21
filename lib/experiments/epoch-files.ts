import { existsSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EpochMetrics } from '../engine/native.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { csvRow } from '../formats/csv.ts';
import { unwritable } from '../support/files.ts';
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
 * @throws TorchTlError `WRITE_FAILED`
 */
export async function writeEpochs(directory: string, epochs: readonly EpochMetrics[]): Promise<void> {
  const file = join(directory, JSON_LINES);
  const written = existsSync(file) ? (await readRegularText(file)).split('\n').slice(0, -1) : [];
  const kept = written.slice(0, epochs.length).map((line) => `${line}\n`);
  await writeText(file, [...kept, ...epochs.slice(kept.length).map(jsonLine)]);
  await writeText(join(directory, CSV), [`${csvRow(COLUMNS)}\r\n`, ...epochs.map(csvLine)]);
}

/** @throws TorchTlError `WRITE_FAILED` */
export async function appendEpoch(directory: string, epoch: EpochMetrics): Promise<void> {
  try {
    await appendFile(join(directory, JSON_LINES), jsonLine(epoch), { flush: true });
    await appendFile(join(directory, CSV), csvLine(epoch), { flush: true });
  } catch (cause) {
    throw unwritable(directory, cause);
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
