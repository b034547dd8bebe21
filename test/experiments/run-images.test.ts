import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { manifestOf } from '../../lib/experiments/manifest.ts';
import type { RunEvent } from '../../lib/experiments/run-events.ts';
import { runExperiment } from '../../lib/experiments/run-experiment.ts';
import { samplesOf } from '../../lib/experiments/samples.ts';
import { trainClassifier } from '../../lib/experiments/train-classifier.ts';
import { writeSample } from '../support/sample-folder.ts';
import { smallData } from '../support/small-data.ts';
import { lastingDirectory, temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * What a run directory holds of the run's images: images.csv lists them, samples.json shows a few.
 */

const OPTIONS = { imageSize: 32, epochs: 2, device: 'cpu', precision: 'fp32', threads: 1 } as const;

const json = (directory: string, name: string) => JSON.parse(readFileSync(join(directory, name), 'utf8'));

/** The rows of a manifest below its heading. */
function rowsIn(directory: string): string[][] {
  const [heading, ...rows] = readFileSync(join(directory, 'images.csv'), 'utf8').split('\r\n');
  expect(heading).toBe('part,path,label,key');
  expect(rows.pop()).toBe('');
  return rows.map((row) => row.split(','));
}

function sha256Of(directory: string): string {
  return createHash('sha256')
    .update(readFileSync(join(directory, 'images.csv')))
    .digest('hex');
}

describe('a run with folds over a folder of images', () => {
  let data: string;
  let out: string;

  beforeAll(async () => {
    const directory = lastingDirectory();
    data = join(directory, 'images');
    out = join(directory, 'run');
    await writeSample(data, 6);
    await trainClassifier({ data, folds: 2, out, ...OPTIONS });
  });

  test('lists all its images by their files, with the keys of their pixels', async () => {
    const rows = rowsIn(out);
    expect(rows.every(([part]) => part === 'train')).toBe(true);
    for (const [, path = '', label = '', key] of rows) {
      expect(path.startsWith(`${label}/`)).toBe(true);
      const pixels = await sharp(join(data, path)).raw().toBuffer();
      const digest = createHash('sha256').update('32 32 ').update(pixels).digest('hex');
      expect(key).toBe(digest.slice(0, 32));
    }
    const manifest = { file: 'images.csv', sha256: sha256Of(out) };
    expect(json(out, 'config.json').dataset.manifest).toEqual(manifest);
    expect(json(out, 'results.json').dataset.manifest).toEqual(manifest);
  });

  test('lists what each fold trains on and is validated on', () => {
    const all = rowsIn(out).map(([, ...image]) => image.join());
    const folds = [1, 2].map((fold) => join(out, 'folds', String(fold)));
    const held = folds.flatMap((fold) => {
      const rows = rowsIn(fold);
      expect(json(fold, 'config.json').dataset.manifest.sha256).toBe(sha256Of(fold));
      expect(rows.map(([, ...image]) => image.join()).sort()).toEqual([...all].sort());
      return rows.filter(([part]) => part === 'valid').map(([, ...image]) => image.join());
    });
    expect(held.sort()).toEqual([...all].sort());
  });

  test('shows the first training images of each class', async () => {
    const { formatVersion, classes } = json(out, 'samples.json');
    expect(formatVersion).toBe(1);
    const rows = rowsIn(out);
    for (const { label, images } of classes) {
      const files = rows.filter((row) => row[2] === label).map(([, path = '']) => join(data, path));
      expect(images).toHaveLength(4);
      for (const [index, uri] of images.entries()) {
        const shown = Buffer.from(uri.replace('data:image/webp;base64,', ''), 'base64');
        // Each pixel is drawn as a square of 3 x 3, and WebP is lossy.
        const grey = async (image: Buffer | string) =>
          (await sharp(image).resize(32, 32, { kernel: 'nearest' }).greyscale().raw().toBuffer()).values();
        const [a, b] = [await grey(shown), [...(await grey(files[index] as string))]];
        const differences = [...a].map((value, place) => Math.abs(value - (b[place] as number)));
        expect(differences.reduce((sum, value) => sum + value) / differences.length).toBeLessThan(12);
      }
    }
  });
});

test('a list and its hash are the same for the same images, and others for others', async () => {
  const { train, valid } = await smallData();
  const [one, two, other] = await Promise.all([
    manifestOf({ train, valid }),
    manifestOf({ train, valid }),
    manifestOf({ train, valid: train }),
  ]);
  expect(one).toEqual(two);
  expect(one.record.sha256).not.toBe(other.record.sha256);
  const rows = Buffer.concat([...one.pieces])
    .toString()
    .split('\r\n');
  expect(rows[1]).toMatch(/^train,image 1,\w+,[0-9a-f]{32}$/);
  expect(rows[1 + train.count]).toMatch(/^valid,image 1,\w+,[0-9a-f]{32}$/);
});

test('a resumed run writes its list anew, and goes on where the list was another', async () => {
  const out = join(temporaryDirectory(), 'run');
  const options = { ...OPTIONS, data: 'sample', limitTrain: 20, limitValid: 10, out };
  const controller = new AbortController();
  const onEvent = ({ type }: RunEvent) => type === 'epoch' && controller.abort(new Error('enough'));
  const stopped = { ...options, epochs: 1_000_000, earlyStoppingPatience: 'off' } as const;
  const run = runExperiment('finetune', stopped, { signal: controller.signal, onEvent });
  await expect(run).rejects.toThrow('enough');
  const listed = readFileSync(join(out, 'images.csv'));
  writeFileSync(join(out, 'images.csv'), 'edited');
  rmSync(join(out, 'samples.json'));
  const results = await runExperiment('finetune', { out, epochs: 1 }, { resume: true });
  expect(results.dataset.manifest?.sha256).toBe(sha256Of(out));
  expect(readFileSync(join(out, 'images.csv'))).toEqual(listed);
  expect(existsSync(join(out, 'samples.json'))).toBe(true);
});

test('at most four images of at most 24 classes are shown', async () => {
  const labels = Array.from({ length: 150 }, (_, image) => `class ${String(image % 30).padStart(2, '0')}`);
  const pixels = labels.map((_, image) => ({
    data: new Uint8Array(200 * 200 * 3).fill(image),
    width: 200,
    height: 200,
    channels: 3 as const,
  }));
  const data = await Dataset.fromImages(pixels, labels, { imageSize: 200 });
  const { classes } = await samplesOf(data);
  data.dispose();
  expect(classes).toHaveLength(24);
  for (const { images } of classes) expect(images).toHaveLength(4);
  const [uri = ''] = classes[0]?.images ?? [];
  const { width, height } = await sharp(Buffer.from(uri.split(',')[1] ?? '', 'base64')).metadata();
  expect([width, height]).toEqual([128, 128]);
});
