import type { DecodeReport } from '../data/image-files.ts';
import { count } from '../support/format.ts';
import { type Progress, passShown } from './progress.ts';

/** Where decoded images are. */
export function showDecoded(progress: Progress, { decoded, found, file, uncached }: DecodeReport): void {
  if (uncached !== null) progress.line(`Decoded images are not kept: ${uncached}`);
  if (file !== null) {
    progress.line(`Images: ${count(decoded)} decoded now, ${count(found)} before; kept in ${file}`);
  }
}

/** What shows how decoding goes that begins now. */
export function decodingShown(progress: Progress) {
  return {
    onProgress: passShown(progress, 'decoding'),
    onDecoded: (report: DecodeReport) => showDecoded(progress, report),
  };
}
