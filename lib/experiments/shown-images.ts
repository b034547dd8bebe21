import { loadSharp, type RawImage } from '../data/decoding/decode.ts';
import { enlarge, type Pixels } from '../data/decoding/resize.ts';
import type { ClassActivation } from '../model/grad-cam.ts';

/** Sides in pixels: smaller images cannot be recognised, larger ones only make the file bigger. */
const SMALLEST = 96;
const LARGEST = 224;

/** Opacity of the colour at the hottest place. */
const OPACITY = 0.65;

/** R, G, B at equal distances of matplotlib's `inferno`, whose lightness rises evenly from cold to hot. */
const INFERNO = [
  [0, 0, 4],
  [66, 10, 104],
  [147, 38, 103],
  [221, 81, 58],
  [252, 165, 10],
  [252, 255, 164],
] as const;

/** A square image as data URI of a WebP, shrunk if its side has more than `largest` pixels. */
export async function imageImage(image: RawImage, largest = LARGEST): Promise<string> {
  return dataUri(await shown(image, largest));
}

/** The same under the heat map of its class activation. */
export async function activationImage(image: RawImage, activation: ClassActivation): Promise<string> {
  const { data, width, height } = await shown(image);
  const heat = await enlarge(greyMap(activation), { width, height });
  return dataUri({ data: data.map((value, place) => heated(value, place, heat.data)), width, height });
}

/** R, G, B of an image at the size for a page; small images are enlarged by a whole factor. */
async function shown({ data, width, height, channels }: RawImage, largest = LARGEST): Promise<Pixels> {
  const { default: sharp } = await loadSharp();
  const side = width < SMALLEST ? width * Math.ceil(SMALLEST / width) : Math.min(width, largest);
  const kernel = side > width ? 'nearest' : 'lanczos3';
  const resized = await sharp(data, { raw: { width, height, channels } })
    .resize({ width: side, height: side, fit: 'fill', kernel })
    .raw()
    .toBuffer();
  return { data: resized, width: side, height: side };
}

async function dataUri({ data, width, height }: Pixels): Promise<string> {
  const { default: sharp } = await loadSharp();
  const webp = await sharp(data, { raw: { width, height, channels: 3 } })
    .webp()
    .toBuffer();
  return `data:image/webp;base64,${webp.toString('base64')}`;
}

/** The map's values as three equal channels. */
function greyMap({ map, width, height }: ClassActivation): Pixels {
  const data = Uint8Array.from({ length: map.length * 3 }, (_, place) =>
    Math.round(255 * (map[Math.floor(place / 3)] as number)),
  );
  return { data, width, height };
}

/** One channel of a pixel, blended with the colour of its heat; the hotter, the more opaque. */
function heated(value: number, place: number, heat: Uint8Array): number {
  const share = (heat[place] as number) / 255;
  const opacity = OPACITY * share;
  return Math.round(value * (1 - opacity) + colour(share, place % 3) * opacity);
}

function colour(share: number, channel: number): number {
  const position = share * (INFERNO.length - 1);
  const from = Math.min(Math.floor(position), INFERNO.length - 2);
  const [low, high] = [from, from + 1].map((stop) => INFERNO[stop]?.[channel] as number) as [number, number];
  return low + (high - low) * (position - from);
}
