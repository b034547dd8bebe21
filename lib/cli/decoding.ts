import type { DecodeReport } from '../data/image-files.ts';
import { count } from '../support/format.ts';
import { type Progress, passCallback } from './progress.ts';

/** Prints how many images were decoded and where they are cached. */
export function showDecoded(progress: Progress, { decoded, found, file, uncached }: DecodeReport): void {
  if (uncached !== null) progress.line(`Decoded images are not cached: ${uncached}`);
  if (file !== null) {
    progress.line(`Images: ${count(decoded)} decoded, ${count(found)} found in the cache ${file}`);
  }
}

/** Callbacks that show the progress of decoding, which starts now. */
export function decodingCallbacks(progress: Progress) {
  return {
    onProgress: passCallback(progress, 'decoding'),
    onDecoded: (report: DecodeReport) => showDecoded(progress, report),
  };
}
