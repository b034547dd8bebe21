import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { seededRandom } from '../../lib/support/random.ts';

/*
 * Images that differ from each other as photographs do: smooth blobs of any colour, drawn from a number.
 */

/** A scene of `side` x `side` pixels; equal numbers give equal scenes. */
export async function scene(number: number, side = 64): Promise<Sharp> {
  const random = seededRandom(number);
  const data = Uint8Array.from({ length: 6 * 6 * 3 }, () => Math.floor(random() * 256));
  const small = sharp(data, { raw: { width: 6, height: 6, channels: 3 } });
  return sharp(await small.resize(side, side, { kernel: 'cubic' }).png().toBuffer());
}

/** Writes scenes by their paths under a directory, changed by a function; the ending is the format. */
export async function writeScenes(
  directory: string,
  scenes: Record<string, number | [number, (scene: Sharp) => Sharp]>,
): Promise<void> {
  for (const [path, what] of Object.entries(scenes)) {
    const [number, change] = typeof what === 'number' ? [what, (image: Sharp) => image] : what;
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    await change(await scene(number)).toFile(join(directory, path));
  }
}

/** `count` scenes under a folder: `folder/0.png` and so on, from the number `first`. */
export function scenesIn(folder: string, first: number, count: number): Record<string, number> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`${folder}/${index}.png`, first + index]),
  );
}
