interface Labelled {
  /** int64 `[count]`, each an index into the classes. */
  labels: BigInt64Array;
  /** Which file each is from, where they are from files. */
  files?: readonly string[];
  count: number;
  height: number;
  width: number;
}

/** Labelled images of one size in memory. */
export interface ImageSet extends Labelled {
  /** uint8 `[count, height, width, 3]`, R, G, B interleaved. */
  pixels: Uint8Array;
}

/** Labelled images of one size in a file that holds nothing else. */
export interface StoredImageSet extends Labelled {
  file: string;
  /** int64 `[count]`: which of the file's images these are, from 0 on. */
  places: BigInt64Array;
}

/** Labelled images of one size, as the engine takes them. */
export type Images = ImageSet | StoredImageSet;
