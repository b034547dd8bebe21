/** How a picture that is not square is made square: cropped, padded with black, or distorted. */
export const RESIZES = ['cover', 'contain', 'stretch'] as const;
export type Resize = (typeof RESIZES)[number];

/** uint8 `[height, width, 3]`, R, G, B. */
export interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
}

export interface Size {
  width: number;
  height: number;
}

/** The size a picture is scaled to before it is cropped or padded to `side` x `side`, as torchvision rounds it. */
export function scaledSize({ width, height }: Size, side: number, resize: Resize): Size {
  if (resize === 'stretch') return { width: side, height: side };
  const fitted = resize === 'cover' ? Math.min(width, height) : Math.max(width, height);
  const scaled = (length: number) => Math.max(1, Math.floor((length * side) / fitted));
  return { width: scaled(width), height: scaled(height) };
}

/**
 * Enlarges bilinearly with half-pixel centres, as the engine does on the device; gives the picture
 * itself where it has that size. (libvips places enlarged pictures half a pixel off.)
 */
export function enlarge(picture: Pixels, { width, height }: Size): Pixels {
  if (picture.width === width && picture.height === height) return picture;
  const stride = picture.width * 3;
  const columns = samples(picture.width, width, 3);
  const rows = samples(picture.height, height, stride);
  const blended = new Float32Array(stride);
  const data = new Uint8Array(width * height * 3);
  let target = 0;
  for (const { first, second, weight } of rows) {
    for (let x = 0; x < stride; x++) {
      const above = picture.data[first + x] as number;
      const below = picture.data[second + x] as number;
      blended[x] = above + (below - above) * weight;
    }
    for (const { first, second, weight } of columns) {
      for (let channel = 0; channel < 3; channel++) {
        const left = blended[first + channel] as number;
        const right = blended[second + channel] as number;
        // To the nearest: what is stored loses its fraction. Math.round would take half of the time.
        data[target++] = left + (right - left) * weight + 0.5;
      }
    }
  }
  return { data, width, height };
}

/** Copies a picture's centre into the centre of `side` x `side` pixels, whatever is larger. */
export function centre(picture: Pixels, side: number, target: Uint8Array): void {
  const left = Math.floor((picture.width - side) / 2);
  const top = Math.floor((picture.height - side) / 2);
  const columns = Math.min(side, picture.width);
  const rows = Math.min(side, picture.height);
  for (let row = 0; row < rows; row++) {
    const from = ((row + Math.max(0, top)) * picture.width + Math.max(0, left)) * 3;
    const to = ((row + Math.max(0, -top)) * side + Math.max(0, -left)) * 3;
    target.set(picture.data.subarray(from, from + columns * 3), to);
  }
}

/** Where a pixel of an enlarged line lies: between which two values, and how near to the second. */
interface Sample {
  first: number;
  second: number;
  weight: number;
}

/** Of `to` pixels over `from`, which are so many values apart. */
function samples(from: number, to: number, apart: number): Sample[] {
  return Array.from({ length: to }, (_, index) => {
    const position = Math.max(0, ((index + 0.5) * from) / to - 0.5);
    const pixel = Math.floor(position);
    return { first: pixel * apart, second: Math.min(pixel + 1, from - 1) * apart, weight: position - pixel };
  });
}
