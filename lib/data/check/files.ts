import type { Metadata } from 'sharp';
import { readRegularFile } from '../../support/regular-file.ts';
import { LARGEST_FILE, loadSharp } from '../decoding/decode.ts';
import { hiddenOrientation } from '../decoding/orientation.ts';

/** What an image file may be besides plain 8-bit RGB. */
export const IMAGE_MODES = ['grey', 'alpha', 'cmyk', 'turned', '16-bit', 'several-frames'] as const;

export type ImageMode = (typeof IMAGE_MODES)[number];

/** Smallest, middle and largest of some numbers. */
export interface Spread {
  min: number;
  median: number;
  max: number;
}

/** What the headers of image files say. */
export interface FileFacts {
  /** Number of files per format, most frequent first. */
  formats: Record<string, number>;
  /** Number of files per mode; `turned` by EXIF or XMP. */
  modes: Record<ImageMode, number>;
  /** Of the upright images, in pixels. */
  width: Spread;
  height: Spread;
  /** Size of the files in bytes. */
  bytes: Spread;
}

/** Number of files that are read concurrently. */
const AT_ONCE = 16;

interface OneFile extends Record<'width' | 'height' | 'bytes', number> {
  format: string;
  modes: ImageMode[];
}

/**
 * Reads the headers of image files; those that cannot be read are left out.
 *
 * @returns null if no file can be read
 * @throws the signal's reason after an abort; what `onProgress` throws
 */
export async function fileFacts(
  paths: readonly string[],
  {
    signal,
    onProgress = () => {},
  }: { signal?: AbortSignal | undefined; onProgress?: (done: number) => void },
): Promise<FileFacts | null> {
  const all: OneFile[] = [];
  for (let begin = 0; begin < paths.length; begin += AT_ONCE) {
    signal?.throwIfAborted();
    const some = await Promise.all(paths.slice(begin, begin + AT_ONCE).map(inspected));
    all.push(...some.filter((file) => file !== null));
    onProgress(Math.min(paths.length, begin + AT_ONCE));
  }
  if (all.length === 0) return null;
  const spread = (name: 'width' | 'height' | 'bytes') => spreadOf(all.map((file) => file[name]));
  return {
    formats: formatsOf(all),
    modes: Object.fromEntries(
      IMAGE_MODES.map((mode) => [mode, all.filter(({ modes }) => modes.includes(mode)).length]),
    ) as Record<ImageMode, number>,
    width: spread('width'),
    height: spread('height'),
    bytes: spread('bytes'),
  };
}

async function inspected(path: string): Promise<OneFile | null> {
  try {
    const { default: sharp } = await loadSharp();
    const bytes = await readRegularFile(path, LARGEST_FILE);
    const metadata = await sharp(bytes).metadata();
    const { format, autoOrient } = metadata;
    const orientation = hiddenOrientation(metadata, bytes) ?? metadata.orientation ?? 1;
    // sharp does not see this orientation, so it does not turn the size.
    const isSwapped = hiddenOrientation(metadata, bytes) !== null && orientation > 4;
    const [width, height] = isSwapped
      ? [autoOrient.height, autoOrient.width]
      : [autoOrient.width, autoOrient.height];
    return { format, width, height, bytes: bytes.length, modes: modesOf(metadata, orientation) };
  } catch {
    return null;
  }
}

function modesOf({ space, hasAlpha, depth, pages = 1 }: Metadata, orientation: number): ImageMode[] {
  const isMode: Record<ImageMode, boolean> = {
    grey: space === 'b-w' || space === 'grey16',
    alpha: hasAlpha,
    cmyk: space === 'cmyk',
    turned: orientation > 1,
    '16-bit': depth === 'ushort',
    'several-frames': pages > 1,
  };
  return IMAGE_MODES.filter((mode) => isMode[mode]);
}

function formatsOf(files: readonly OneFile[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { format } of files) counts.set(format, (counts.get(format) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

function spreadOf(numbers: readonly number[]): Spread {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] as number;
  return { min: at(0), median: at(0.5), max: at(1) };
}
