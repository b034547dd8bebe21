import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { openData } from '../../lib/data/source.ts';

/**
 * Writes images of the embedded sample to `<directory>/<class>/<number>.png`, so many of each of the first classes.
 * Unlike images of one colour no two are twins.
 */
export async function writeSample(directory: string, perClass: number, classes = 2): Promise<void> {
  const { train, classes: names } = await openData('sample', { limits: { train: perClass * 10 } });
  if ('file' in train) throw new Error('the embedded sample is not in memory');
  const { pixels, height, width, labels } = train;
  const bytes = height * width * 3;
  const written = [];
  for (const [index, label] of labels.entries()) {
    const name = names[Number(label)] as string;
    if (label >= classes) continue;
    mkdirSync(join(directory, name), { recursive: true });
    const image = sharp(pixels.subarray(index * bytes, (index + 1) * bytes), {
      raw: { width, height, channels: 3 },
    });
    written.push(image.png().toFile(join(directory, name, `${index}.png`)));
  }
  await Promise.all(written);
}
