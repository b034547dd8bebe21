import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { BLUE, type Colour, decoded, encode, GREEN, near, RED } from '../support/images.ts';
import { withChunk } from '../support/png.ts';

const WHITE: Colour = [250, 250, 250];
const [WIDTH, HEIGHT] = [64, 48];

/** A colour in each quarter. */
const stored = Uint8Array.from(
  Array.from({ length: WIDTH * HEIGHT }, (_, place) => {
    const [right, low] = [place % WIDTH >= WIDTH / 2, place >= (WIDTH * HEIGHT) / 2];
    return low ? (right ? WHITE : BLUE) : right ? GREEN : RED;
  }).flat(),
);

/** Upper left, upper right, lower left and lower right of the image upright, as EXIF 2.3 defines the orientations. */
const UPRIGHT: Record<number, Colour[]> = {
  1: [RED, GREEN, BLUE, WHITE],
  2: [GREEN, RED, WHITE, BLUE],
  3: [WHITE, BLUE, GREEN, RED],
  4: [BLUE, WHITE, RED, GREEN],
  5: [RED, BLUE, GREEN, WHITE],
  6: [BLUE, RED, WHITE, GREEN],
  7: [WHITE, GREEN, BLUE, RED],
  8: [GREEN, WHITE, RED, BLUE],
};

/** Of each place in which an orientation may stand, how it comes there. */
const PLACES: Record<string, (orientation: number) => Promise<Buffer>> = {
  'EXIF data of a JPEG': (orientation) =>
    image().withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer(),
  'EXIF data of a PNG': (orientation) => image().withMetadata({ orientation }).png().toBuffer(),
  'EXIF data of a WebP': (orientation) =>
    image().withMetadata({ orientation }).webp({ lossless: true }).toBuffer(),
  'a tag of a TIFF': (orientation) =>
    image().withMetadata({ orientation }).tiff({ compression: 'lzw' }).toBuffer(),
  'EXIF data in the text of a PNG': async (orientation) => {
    const exif = Buffer.from(
      'Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0',
      'latin1',
    );
    exif[exif.length - 7] = orientation;
    const text = `Raw profile type exif\0\nexif\n${String(exif.length).padStart(8)}\n${exif.toString('hex')}\n`;
    return withChunk(await image().png().toBuffer(), 'tEXt', Buffer.from(text, 'latin1'));
  },
  'XMP of a JPEG': (orientation) => image().withXmp(xmp(orientation)).jpeg({ quality: 95 }).toBuffer(),
  'XMP of a PNG': (orientation) => image().withXmp(xmp(orientation)).png().toBuffer(),
  'XMP of a WebP': (orientation) => image().withXmp(xmp(orientation)).webp({ lossless: true }).toBuffer(),
  'XMP of an AVIF': (orientation) => image().withXmp(xmp(orientation)).avif({ quality: 95 }).toBuffer(),
  'XMP of a PNG of 16 bits with a profile': (orientation) =>
    image().toColourspace('rgb16').withIccProfile('p3').withXmp(xmp(orientation)).png().toBuffer(),
};

describe.each(Object.entries(PLACES))('%s', (_, write) => {
  test('turns an image upright, whichever of the eight it says', async () => {
    for (const [orientation, corners] of Object.entries(UPRIGHT)) {
      const at = await decoded(await write(Number(orientation)), 'stretch');
      const found = [at(8, 8), at(23, 8), at(8, 23), at(23, 23)];
      expect([orientation, ...found]).toEqual([orientation, ...corners.map((colour) => near(colour, 10))]);
    }
  });
});

test('EXIF data count more than XMP', async () => {
  const both = await image().withMetadata({ orientation: 1 }).withXmp(xmp(6)).png().toBuffer();
  expect((await sharp(both).metadata()).xmp).toBeDefined();
  expect((await decoded(both, 'stretch'))(8, 8)).toEqual(RED);
});

test.each([0, 9])('an orientation of XMP that there is not, %i, turns nothing', async (orientation) => {
  expect((await decoded(await image().withXmp(xmp(orientation)).png().toBuffer(), 'stretch'))(8, 8)).toEqual(
    RED,
  );
});

function image(): Sharp {
  return encode({ data: stored, width: WIDTH, height: HEIGHT, channels: 3 });
}

/** As an attribute, or as an element, of which both are in use. */
function xmp(orientation: number): string {
  const element = orientation % 2 === 0;
  return [
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
    `<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/"${element ? '' : ` tiff:Orientation="${orientation}"`}>`,
    element ? `<tiff:Orientation>${orientation}</tiff:Orientation>` : '',
    '</rdf:Description></rdf:RDF></x:xmpmeta>',
  ].join('');
}
