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
  const columns = samples(picture.width, width);
  const rows = samples(picture.height, height);
  const stride = picture.width * 3;
  const blended = new Float32Array(stride);
  const data = new Uint8Array(width * height * 3);
  let target = 0;
  for (const row of rows) {
    for (let x = 0; x < stride; x++) {
      const above = picture.data[row.from * stride + x] as number;
      const below = picture.data[row.to * stride + x] as number;
      blended[x] = above + (below - above) * row.weight;
    }
    for (const column of columns) {
      for (let channel = 0; channel < 3; channel++) {
        const left = blended[column.from * 3 + channel] as number;
        const right = blended[column.to * 3 + channel] as number;
        data[target++] = Math.round(left + (right - left) * column.weight);
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

/** Which two of `from` pixels each of `to` lies between, and how near it is to the second. */
function samples(from: number, to: number): Array<{ from: number; to: number; weight: number }> {
  return Array.from({ length: to }, (_, index) => {
    const position = Math.max(0, ((index + 0.5) * from) / to - 0.5);
    const first = Math.floor(position);
    return { from: first, to: Math.min(first + 1, from - 1), weight: position - first };
  });
}
