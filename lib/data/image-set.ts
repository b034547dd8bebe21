interface Labelled {
  /** int64 `[count]`, each an index into the classes. */
  labels: BigInt64Array;
  /** Which file each is from, where they are from files. */
  files?: readonly string[];
  count: number;
  height: number;
  width: number;
}

/** Labelled pictures of one size in memory. */
export interface PictureSet extends Labelled {
  /** uint8 `[count, height, width, 3]`, R, G, B interleaved. */
  pixels: Uint8Array;
}

/** Labelled pictures of one size in a file that holds nothing else. */
export interface StoredPictureSet extends Labelled {
  file: string;
  /** int64 `[count]`: which of the file's pictures these are, from 0 on. */
  places: BigInt64Array;
}

/** Labelled pictures of one size, as the engine takes them. */
export type Pictures = PictureSet | StoredPictureSet;
