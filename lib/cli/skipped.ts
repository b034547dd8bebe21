import type { SkippedImage } from '../data/decoding/decode-all.ts';
import { images } from '../support/format.ts';
import { notice } from './notice.ts';

/** Lists on stderr the images that `--skip-corrupt` left out. */
export function showSkipped(skipped: readonly SkippedImage[]): void {
  if (skipped.length === 0) return;
  const lines = skipped.map(({ path, reason }) => `  ${path}: ${reason}`);
  notice([`Left out: ${images(skipped.length)} that cannot be decoded`, ...lines].join('\n'));
}
