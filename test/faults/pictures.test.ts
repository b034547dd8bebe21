import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Picture } from '../../lib/data/decode.ts';
import { decodePictures } from '../../lib/data/decode-all.ts';
import { bands, encode, RED } from '../support/pictures.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const PNGSUITE = join(import.meta.dirname, '../fixtures/pngsuite');

describe('a picture that cannot be decoded', () => {
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

  test('is named among good ones, with the reason, whatever the reason is', async () => {
    const directory = temporaryDirectory();
    const good = await encode(bands([RED], 40, 40))
      .png()
      .toBuffer();
    const files = { 'good.png': good, 'empty.jpg': '', 'text.png': 'no picture' };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
    const paths = [...Object.keys(files), 'missing.png'].map((name) => join(directory, name));
    const failed = decode(...paths, directory);
    await expect(failed).rejects.toMatchObject(refused('4 of 5 pictures cannot be decoded'));
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
    await expect(decode(bomb)).rejects.toMatchObject(refused('exceeds pixel limit'));
  });

  test('is one of a format that is not read', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    await expect(decode(svg)).rejects.toMatchObject(refused('svg, is not among those that are read'));
    const bmp = Buffer.concat([Buffer.from('BM'), readFileSync(join(PNGSUITE, 'basn0g16.png'))]);
    await expect(decode(bmp)).rejects.toMatchObject(refused('unsupported image format'));
  });
});

function decode(...pictures: Picture[]) {
  return decodePictures(pictures, { imageSize: 32, resize: 'cover' });
}

function refused(text: string): object {
  return { name: 'InputError', code: 'DATA_INVALID', message: expect.stringContaining(text) };
}
