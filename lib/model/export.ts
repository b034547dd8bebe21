import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import type { z } from 'zod';
import { InputError } from '../errors.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { writePth } from '../formats/pth/write-pth.ts';
import { type SafetensorsFile, writeSafetensors } from '../formats/safetensors.ts';
import type { ExportDocs } from '../options/docs.ts';
import { EXPORT_FORMATS, type modelExportOptions } from '../options/export.ts';

/*
 * A model as others read it: safetensors, a state_dict for torch.load, or ONNX.
 */

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export type ExportOptions = z.input<typeof modelExportOptions> & ExportDocs;

export interface ExportResult {
  /** Of the file, absolute. */
  path: string;
  format: ExportFormat;
  /** The file's length. */
  bytes: number;
  /**
   * Of an ONNX export that was compared with the model: by how much a probability differs at most. Null for the
   * other formats, which hold the model's own tensors, and without the check.
   */
  check: { largestDifference: number } | null;
}

/**
 * The format that was asked for, else the one that the file's name ends in.
 *
 * @throws InputError `INVALID_ARGUMENT` where it ends in none
 */
export function exportFormat(path: string, format?: ExportFormat): ExportFormat {
  const ending = extname(path).slice(1).toLowerCase();
  const found = format ?? (ending === 'pt' ? 'pth' : EXPORT_FORMATS.find((name) => name === ending));
  if (found) return found;
  throw new InputError(
    'INVALID_ARGUMENT',
    `The name '${path}' does not end in a format to export to: end it in .${EXPORT_FORMATS.join(', .')}, or give the ` +
      'format beside it.',
  );
}

/**
 * Writes tensors and metadata as a file of a format, atomically.
 *
 * @param source what `contents` are of, for errors
 * @param compare tells the largest difference of an ONNX export to the model; null checks nothing
 * @throws InputError `WEIGHTS_INVALID` for an ONNX export of what is no model; TorchTlError `WRITE_FAILED`; what
 *   `compare` throws, and then nothing is written
 */
export async function exportContents(
  path: string,
  contents: SafetensorsFile,
  format: ExportFormat,
  source: string,
  compare: ((exported: Uint8Array) => Promise<number>) | null,
): Promise<ExportResult> {
  let check: ExportResult['check'] = null;
  if (format === 'safetensors') await writeSafetensors(path, contents.tensors, contents.metadata);
  else if (format === 'pth') await writePth(path, contents.tensors);
  else {
    const { onnxOf } = await import('./onnx/export.ts');
    const exported = onnxOf(contents, source);
    if (compare) check = { largestDifference: await compare(exported) };
    await writeFileAtomically(path, [exported]);
  }
  return { path: resolve(path), format, bytes: (await stat(path)).size, check };
}
