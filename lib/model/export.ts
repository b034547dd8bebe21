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
 * Exports of a model for other programs: safetensors, a state_dict for torch.load, or ONNX.
 */

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export type ExportOptions = z.input<typeof modelExportOptions> & ExportDocs;

export interface ExportResult {
  /** Absolute path of the file. */
  path: string;
  format: ExportFormat;
  /** Size of the file in bytes. */
  bytes: number;
  /**
   * Result of the check of an ONNX export: the largest difference between its probabilities and the model's. Null for
   * the other formats, which hold the model's own tensors, and if the check was switched off.
   */
  check: { largestDifference: number } | null;
}

/**
 * Returns the given format, or without one the format of the file's extension.
 *
 * @throws InputError `INVALID_ARGUMENT` if the extension is that of no format, or of another one than the given
 */
export function exportFormat(path: string, format?: ExportFormat): ExportFormat {
  const ending = extname(path).slice(1).toLowerCase();
  const byName = ending === 'pt' ? 'pth' : EXPORT_FORMATS.find((name) => name === ending);
  if (format && byName && format !== byName) throw contradiction(path, format, byName);
  const found = format ?? byName;
  if (found) return found;
  throw new InputError(
    'INVALID_ARGUMENT',
    `The extension of '${path}' is not that of an export format. Use .${EXPORT_FORMATS.join(', .')}, or give the ` +
      'format too.',
  );
}

function contradiction(path: string, format: ExportFormat, byName: ExportFormat): InputError {
  const said = (option: string) =>
    `${option} ${format} contradicts the extension of '${path}', which is that of ${byName}. Leave out ${option}, or give ` +
    'the file another extension.';
  return new InputError('INVALID_ARGUMENT', said('format'), { atCommandLine: said('--format') });
}

/**
 * Writes tensors and metadata atomically to a file of the given format.
 *
 * @param source origin of `contents`, for error messages
 * @param compare returns the largest difference between the probabilities of an ONNX export and the model's; null skips
 *   the check
 * @throws InputError `WEIGHTS_INVALID` for an ONNX export of contents that are not a model; TorchTlError
 *   `WRITE_FAILED`; what `compare` throws, in which case nothing is written
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
