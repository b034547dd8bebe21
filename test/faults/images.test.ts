import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { ImageInput } from '../../lib/data/decoding/decode.ts';
import { decodeImages } from '../../lib/data/decoding/decode-all.ts';
import { bands, encode, RED } from '../support/images.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const PNGSUITE = join(import.meta.dirname, '../fixtures/pngsuite');

describe('an image that cannot be decoded', () => {
  const corrupt = readdirSync(PNGSUITE).filter((name) => name.startsWith('x'));
  test.each(corrupt)('is named: %s of PngSuite', async (name) => {
    const path = join(PNGSUITE, name);
    await expect(decode(path)).rejects.toMatchObject(refused(`  ${path}: `));
  });

  test.each(['jpeg', 'png', 'webp', 'tiff', 'gif'] as const)('is named: a truncated %s', async (format) => {
    const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, index) => (index * 7919) % 251);
    const raw = { data: noise, width: 64, height: 64, channels: 3 } as const;
    const whole = await encode(raw).toFormat(format).toBuffer();
    const path = join(temporaryDirectory(), `torn.${format}`);
    writeFileSync(path, whole.subarray(0, Math.floor(whole.length / 2)));
    await expect(decode(path)).rejects.toMatchObject(refused(path));
  });

  test.each([
    ['in two', (file: Buffer) => file.subarray(0, file.length / 2)],
    ['in two, with an end marker', (file: Buffer) => Buffer.concat([file.subarray(0, file.length / 2), END])],
    ['by an end marker in its middle', (file: Buffer) => splice(file, 0, END)],
  ])('is a JPEG that is cut %s', async (_, cut) => {
    for (const progressive of [false, true]) {
      await expect(decode(cut(await jpeg({ progressive })))).rejects.toMatchObject(
        refused('it is truncated'),
      );
    }
  });

  test('is a progressive JPEG whose middle is zero', async () => {
    const torn = splice(await jpeg({ progressive: true }), 4000, Buffer.alloc(4000));
    await expect(decode(torn)).rejects.toMatchObject(refused('it is '));
  });

  test('is a PNG whose pixels do not fit their checksum', async () => {
    const png = await encode(noise()).png().toBuffer();
    const crc = png.indexOf('IEND') - 8;
    png.writeUInt8(png.readUInt8(crc) ^ 1, crc);
    await expect(decode(png)).rejects.toMatchObject(refused('it is damaged'));
  });

  test('is told of without a word of the libraries that decode', async () => {
    const texts = [...corrupt.map((name) => readFileSync(join(PNGSUITE, name))), Buffer.from('GIF89a'), END];
    const failure = await decode(...texts).catch((error: Error) => error.message);
    expect(failure).not.toMatch(/vips|libpng|libspng|libjpeg|Unknown error|Input buffer|chunk|read error/i);
  });

  test('is named, up to twenty of them, with what to do', async () => {
    const failure = decode(...Array.from({ length: 25 }, () => END));
    await expect(failure).rejects.toThrow(
      '25 of 25 images cannot be decoded. Repair or remove them, or skip',
    );
    await expect(failure).rejects.toThrow('`skipCorrupt: true`');
    await expect(failure).rejects.toThrow(/index 19: [^\n]*\n {2}and 5 more$/);
  });

  test('is one whose name Node.js cannot open, and that is said', async () => {
    const directory = temporaryDirectory();
    writeFileSync(
      Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff]), Buffer.from('.png')]),
      '',
    );
    const path = join(directory, readdirSync(directory)[0] as string);
    await expect(decode(path)).rejects.toMatchObject(refused('is not valid UTF-8'));
  });

  test('is none where the system has no more files to open: that is the error', async () => {
    const path = join(temporaryDirectory(), 'good.png');
    await encode(noise()).toFile(path);
    await decode(path);
    const open: number[] = [];
    try {
      for (;;) open.push(openSync(path, 'r'));
    } catch {
      await expect(decode(path)).rejects.toMatchObject({
        code: 'FILE_UNREADABLE',
        message: expect.stringContaining('too many files are open'),
      });
    } finally {
      open.forEach(closeSync);
    }
  });

  test('is named among good ones, with the reason, whatever the reason is', async () => {
    const directory = temporaryDirectory();
    const good = await encode(bands([RED], 40, 40))
      .png()
      .toBuffer();
    const files = { 'good.png': good, 'empty.jpg': '', 'text.png': 'no image' };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
    const paths = [...Object.keys(files), 'missing.png'].map((name) => join(directory, name));
    const failed = decode(...paths, directory);
    await expect(failed).rejects.toMatchObject(refused('4 of 5 images cannot be decoded'));
    await expect(failed).rejects.toThrow(`${paths[3]}: there is no such file or directory (ENOENT)`);
    await expect(failed).rejects.toThrow(`${directory}: it is a directory (EISDIR)`);
    await expect(failed).rejects.not.toThrow('good.png');
  });

  test('is one that claims more pixels than any has', async () => {
    const bomb = await encode(bands([RED], 2, 1))
      .png()
      .toBuffer();
    bomb.writeUInt32BE(20_000, 16);
    bomb.writeUInt32BE(20_000, 20);
    bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29);
    await expect(decode(bomb)).rejects.toMatchObject(refused('more than 268,435,456 pixels'));
  });

  test('is one of a format that is not read', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    await expect(decode(svg)).rejects.toMatchObject(refused('svg, is not supported'));
    const bmp = Buffer.concat([Buffer.from('BM'), readFileSync(join(PNGSUITE, 'basn0g16.png'))]);
    await expect(decode(bmp)).rejects.toMatchObject(refused('not an image in a supported format'));
  });
});

describe('a JPEG that is read', () => {
  test.each([
    ['has something behind its end', (file: Buffer) => Buffer.concat([file, Buffer.from('a note')])],
    ['has a few bytes before its end', (file: Buffer) => Buffer.concat([file.subarray(0, -2), PAD, END])],
    [
      'has zeros before its end',
      (file: Buffer) => Buffer.concat([file.subarray(0, -2), Buffer.alloc(5000), END]),
    ],
    [
      'has EXIF data that make no sense',
      (file: Buffer) => Buffer.concat([file.subarray(0, 2), APP1, file.subarray(2)]),
    ],
  ])('%s', async (_, changed) => {
    for (const progressive of [false, true]) {
      const whole = await jpeg({ progressive });
      expect(await decode(changed(whole))).toEqual(await decode(whole));
    }
  });
});

const END = Buffer.from([0xff, 0xd9]);
const PAD = Buffer.from([1, 2, 3]);
const APP1 = Buffer.from('\xff\xe1\0\x10Exif\0\0MMjunk!!', 'latin1');

function noise() {
  const data = Uint8Array.from({ length: 160 * 120 * 3 }, (_, index) => (index * 7919) % 251);
  return { data, width: 160, height: 120, channels: 3 } as const;
}

function jpeg(options: { progressive: boolean }): Promise<Buffer> {
  return encode(noise())
    .jpeg({ quality: 90, ...options })
    .toBuffer();
}

/** With other bytes in the middle instead of so many. */
function splice(file: Buffer, count: number, bytes: Buffer): Buffer {
  const middle = Math.floor(file.length / 2);
  return Buffer.concat([file.subarray(0, middle), bytes, file.subarray(middle + count)]);
}

function decode(...images: ImageInput[]) {
  return decodeImages(images, { imageSize: 32, resize: 'cover' });
}

function refused(text: string): object {
  return { name: 'InputError', code: 'DATA_INVALID', message: expect.stringContaining(text) };
}
