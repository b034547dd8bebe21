import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Sharp } from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import type { RunResults } from '../../lib/experiments/results.ts';
import { torchTl } from '../cli/torch-tl.ts';
import { BLUE, bands, encode, GREEN, RED } from '../support/images.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * A folder as people have them: 200 images of every kind, of which 20 are broken, each in another way.
 */

const PNGSUITE = join(import.meta.dirname, '../fixtures/pngsuite');
const image = () => encode(bands([RED, GREEN, BLUE], 45, 36));

const KINDS: Array<[ending: string, make: () => Sharp]> = [
  ['jpg', () => image().jpeg()],
  ['progressive.jpeg', () => image().jpeg({ progressive: true })],
  ['cmyk.jpg', () => image().toColourspace('cmyk').jpeg()],
  ['turned.jpg', () => image().withMetadata({ orientation: 6 }).jpeg()],
  ['png', () => image().png()],
  ['grey.png', () => image().greyscale().png()],
  ['palette.png', () => image().png({ palette: true })],
  ['16-bit.png', () => image().toColourspace('rgb16').png()],
  ['transparent.png', () => image().ensureAlpha(0.5).png()],
  ['webp', () => image().webp()],
  ['lossless.webp', () => image().webp({ lossless: true })],
  ['gif', () => image().gif()],
  ['tiff', () => image().tiff()],
  ['lzw.tif', () => image().tiff({ compression: 'lzw' })],
  ['avif', () => image().avif()],
];

/** Files that cannot be decoded, by their names. */
async function broken(): Promise<Record<string, Buffer>> {
  const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, index) => (index * 7919) % 251);
  const whole = (format: 'jpeg' | 'png' | 'webp' | 'tiff' | 'gif' | 'avif') =>
    encode({ data: noise, width: 64, height: 64, channels: 3 }).toFormat(format).toBuffer();
  const half = (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1);
  const png = await whole('png');
  const changed = (at: number, change: (bytes: Buffer) => void) => {
    const copy = Buffer.from(png);
    change(copy);
    copy.writeUInt32BE(crc32(copy.subarray(12, 29)), 29);
    return at < 0 ? png : copy;
  };
  return {
    'half.jpg': half(await whole('jpeg')),
    'half.png': half(png),
    'half.webp': half(await whole('webp')),
    'half.tiff': half(await whole('tiff')),
    'half.gif': half(await whole('gif')),
    'half.avif': half(await whole('avif')),
    'empty.jpg': Buffer.alloc(0),
    'text.jpg': Buffer.from('no image'),
    'page.jpg': Buffer.from('<!doctype html><title>404</title>'),
    'zip.png': Buffer.from('PK\x03\x04 and the rest'),
    'header-alone.png': png.subarray(0, 33),
    'signature-alone.png': png.subarray(0, 8),
    'no-width.png': changed(16, (bytes) => bytes.writeUInt32BE(0, 16)),
    'bomb.png': changed(16, (bytes) => {
      bytes.writeUInt32BE(30_000, 16);
      bytes.writeUInt32BE(30_000, 20);
    }),
    'bitmap.bmp': Buffer.from('BM and the rest of a bitmap'),
    'drawing.png': Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
    'bad-checksum.png': readFileSync(join(PNGSUITE, 'xhdn0g08.png')),
    'no-signature.png': readFileSync(join(PNGSUITE, 'xs1n0g01.png')),
    'markers.jpg': Buffer.from([0xff, 0xd8, 0xff, 0xd9]),
  };
}

/** 180 good ones and 20 that are not, in two classes. */
async function imperfectFolder(): Promise<string> {
  const directory = temporaryDirectory();
  const encoded = await Promise.all(
    KINDS.map(async ([ending, make]) => [ending, await make().toBuffer()] as const),
  );
  for (const name of ['left', 'right']) {
    mkdirSync(join(directory, name));
    for (let copy = 0; copy < 6; copy++) {
      for (const [ending, bytes] of encoded) writeFileSync(join(directory, name, `${copy}.${ending}`), bytes);
    }
    writeFileSync(join(directory, name, '.hidden.jpg'), 'no image');
    writeFileSync(join(directory, name, 'notes.txt'), 'no image');
  }
  for (const [name, bytes] of Object.entries(await broken()))
    writeFileSync(join(directory, 'left', name), bytes);
  symlinkSync('nowhere.jpg', join(directory, 'left', 'dangling.jpg'));
  return directory;
}

describe('a folder of 200 images of which 20 are broken, each in another way', () => {
  let names: string[];
  beforeAll(async () => {
    names = [...Object.keys(await broken()), 'dangling.jpg'].sort();
    expect(names).toHaveLength(20);
  });

  test('is refused in one error that names all 20 with reasons, and no other', async () => {
    const directory = await imperfectFolder();
    const error = await Dataset.fromFolder(directory, { imageSize: 32 }).then(
      () => expect.fail('it was read'),
      (failure: Error & { code: string }) => failure,
    );
    expect(error.code).toBe('DATA_INVALID');
    const [summary, ...lines] = error.message.split('\n');
    expect(summary).toMatch(/^20 of 200 images cannot be decoded/);
    expect(lines.map((line) => line.match(/left\/([^:]+): .{5}/)?.[1]).sort()).toEqual(names);
  });

  test('is read without them where that is asked for, and says which they are', async () => {
    const data = await Dataset.fromFolder(await imperfectFolder(), { imageSize: 32, skipCorrupt: true });
    expect(data.count).toBe(180);
    expect(data.skipped.map(({ path }) => path.split('/').at(-1)).sort()).toEqual(names);
    expect([...data.labels].filter((label) => label === 0n)).toHaveLength(90);
    data.dispose();
  });

  test('trains with --skip-corrupt, and results.json lists them', async () => {
    const cwd = await imperfectFolder();
    const args = [
      '--data',
      '.',
      '--image-size',
      '32',
      '--epochs',
      '1',
      '--recipe',
      'head',
      '--json',
      '--device',
      'cpu',
    ];
    const refused = await torchTl(['train', ...args], { cwd });
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 2, stdout: '' });
    const { code, stdout, stderr } = await torchTl(['train', ...args, '--skip-corrupt'], { cwd });
    expect(code).toBe(0);
    expect(stderr).toContain('Skipped: 20 images that cannot be decoded');
    const { dataset } = JSON.parse(stdout) as RunResults;
    expect(dataset.train + dataset.valid).toBe(180);
    expect(dataset.skipped.map(({ path }) => path.split('/').at(-1)).sort()).toEqual(names);
  });

  test('a class of which nothing is left is an error', async () => {
    const directory = temporaryDirectory();
    for (const [name, bytes] of [
      ['good', await image().png().toBuffer()],
      ['bad', Buffer.from('no image')],
    ] as const) {
      mkdirSync(join(directory, name));
      writeFileSync(join(directory, name, '1.png'), bytes);
    }
    const read = Dataset.fromFolder(directory, { imageSize: 32, skipCorrupt: true });
    await expect(read).rejects.toThrow(/No image of bad in .* can be decoded/);
  });
});
